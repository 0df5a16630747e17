// Package useragent says what people call a browser and the system that it runs on, by its
// User-Agent. It is for showing alone: anybody may write anything there.
package useragent

import (
	"slices"
	"strings"
)

// Kinds of devices.
const (
	Desktop = "desktop"
	Phone   = "phone"
	Tablet  = "tablet"
)

// WeChat is a browser that has other names in other languages.
const WeChat = "WeChat"

// An Agent is what a User-Agent says. Each part is empty where it says nothing of it.
type Agent struct {
	Browser, System string
	Kind            string
}

// A name is what a mark in a User-Agent stands for.
type name struct{ mark, name, kind string }

// Both lists have the more special first: what pretends to be another names that too.
var (
	browsers = []name{
		{mark: "MicroMessenger/", name: WeChat}, {mark: "wxwork/", name: "WeCom"}, {mark: "DingTalk/", name: "DingTalk"}, {mark: "QQ/", name: "QQ"},
		{mark: "HuaweiBrowser/", name: "Huawei Browser"}, {mark: "EdgA/", name: "Edge"}, {mark: "EdgiOS/", name: "Edge"}, {mark: "Edg/", name: "Edge"},
		{mark: "OPR/", name: "Opera"}, {mark: "SamsungBrowser/", name: "Samsung Internet"}, {mark: "MiuiBrowser/", name: "MIUI Browser"},
		{mark: "UCBrowser/", name: "UC Browser"}, {mark: "CriOS/", name: "Chrome"}, {mark: "FxiOS/", name: "Firefox"}, {mark: "Firefox/", name: "Firefox"},
		{mark: "Chrome/", name: "Chrome"}, {mark: "Safari/", name: "Safari"},
	}
	systems = []name{
		{"OpenHarmony", "HarmonyOS", Phone}, {"HarmonyOS", "HarmonyOS", Phone}, {"iPhone", "iPhone", Phone}, {"iPad", "iPad", Tablet},
		{"Android", "Android", Phone}, {"Windows", "Windows", Desktop}, {"Macintosh", "Mac", Desktop}, {"CrOS", "ChromeOS", Desktop},
		{"Linux", "Linux", Desktop},
	}
)

// Parse reads a User-Agent.
func Parse(header string) Agent {
	browser, system := find(browsers, header), find(systems, header)
	a := Agent{Browser: browser.name, System: system.name, Kind: system.kind}
	if a.System == "Android" && !strings.Contains(header, "Mobile") { // as Chrome tells tablets
		a.Kind = Tablet
	}
	return a
}

func find(list []name, header string) name {
	i := slices.IndexFunc(list, func(n name) bool { return strings.Contains(header, n.mark) })
	if i < 0 {
		return name{}
	}
	return list[i]
}

// String is the name of both; empty where neither is known. A line may break after the dot.
func (a Agent) String() string {
	if a.Browser == "" || a.System == "" {
		return a.Browser + a.System
	}
	return a.Browser + "\u00a0· " + a.System
}
