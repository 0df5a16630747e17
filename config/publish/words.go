package publish

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tcb-login/config/loginpage"
	"tcb-login/theme"
)

// What publishing changes, for the operator, in words rather than as lines of JSON: two files can
// differ in every line and mean the same, and one character can close a way in. So two pages are
// compared as they were understood, and whatever of a [loginpage.Page] people can notice has a sentence. A
// test changes every field of it and wants to be told.

// differ collects the sentences.
type differ struct{ words []string }

func (d *differ) say(format string, args ...any) {
	d.words = append(d.words, fmt.Sprintf(format, args...))
}

// differences are the changes from one version to the next, none where people see the same.
func differences(before, after loginpage.Version) []string {
	d := &differ{}
	a, b := before.Page, after.Page
	d.text("The name of the app", a.Name, b.Name)
	d.picture("The logo", a.Logo, b.Logo)
	d.picture("The logo of the dark scheme", a.LogoDark, b.LogoDark)
	d.picture("The picture beside the form", a.Background, b.Background)
	d.methods(a, b)
	d.miniProgram(a.MiniProgram, b.MiniProgram)
	d.registration(a, b)
	d.yes(a.Anonymous, b.Anonymous, "People can continue without an account", "People can no longer continue without an account")
	d.yes(a.Skippable, b.Skippable, "People can skip signing in", "People can no longer skip signing in")
	d.agreements(a.Agreements, b.Agreements)
	d.countries(a.Countries, b.Countries)
	d.links(a.Links, b.Links)
	d.locales(a.Locales, b.Locales)
	d.texts(a.Texts, b.Texts)
	d.look(before, after)
	return d.words
}

// newcomer says what a page is that nothing was published of before.
func newcomer(p *loginpage.Page) []string {
	d := &differ{}
	d.say("The page is new")
	for _, w := range p.Methods {
		d.say("%s is offered", methodWords(w))
	}
	d.say("Registration: %s", registrationWords[p.Registration])
	return d.words
}

// text compares texts that may be missing.
func (d *differ) text(what, before, after string) {
	switch {
	case before == after:
	case before == "":
		d.say("%s is shown: %q", what, after)
	case after == "":
		d.say("%s is no longer shown; it was %q", what, before)
	default:
		d.say("%s changes from %q to %q", what, before, after)
	}
}

func (d *differ) yes(before, after bool, now, noLonger string) {
	switch {
	case !before && after:
		d.words = append(d.words, now)
	case before && !after:
		d.words = append(d.words, noLonger)
	}
}

func (d *differ) picture(what string, before, after *loginpage.Media) {
	switch {
	case before == nil && after == nil:
	case before == nil:
		d.say("%s is shown: %s", what, pictureWords(after))
	case after == nil:
		d.say("%s is no longer shown; it was %s", what, pictureWords(before))
	case before.Name != after.Name || !bytes.Equal(before.Data, after.Data):
		d.say("%s changes from %s to %s", what, pictureWords(before), pictureWords(after))
	}
}

func pictureWords(m *loginpage.Media) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(m.Type, "image/"), "+")
	if m.Width == 0 {
		return fmt.Sprintf("a picture (%s)", strings.ToUpper(kind))
	}
	return fmt.Sprintf("a picture (%s, %d by %d pixels)", strings.ToUpper(kind), m.Width, m.Height)
}

// set says which of a list are gone and which are new, and the order of the others if it is
// another.
func (d *differ) set(before, after []string, noLonger, now, order string) {
	stayed := func(list, other []string) (both []string) {
		for _, s := range list {
			if slices.Contains(other, s) {
				both = append(both, s)
			}
		}
		return both
	}
	for _, s := range before {
		if !slices.Contains(after, s) {
			d.say(noLonger, s)
		}
	}
	for _, s := range after {
		if !slices.Contains(before, s) {
			d.say(now, s)
		}
	}
	if !slices.Equal(stayed(before, after), stayed(after, before)) {
		d.say(order, strings.Join(after, ", "))
	}
}

var kindWords = map[loginpage.Kind]string{loginpage.KindPassword: "Password", loginpage.KindSMS: "SMS", loginpage.KindEmail: "Email", loginpage.KindQR: "QR code"}

// methodWords is a method as a sentence begins with it.
func methodWords(w loginpage.SignInMethod) string {
	if kind, ok := kindWords[w.Kind()]; ok {
		return kind + " sign-in"
	}
	return "Sign-in with " + w.ID
}

func (d *differ) miniProgram(before, after string) {
	switch {
	case before == after:
	case before == "":
		d.say("A QR code opens the mini program %s", after)
	case after == "":
		d.say("No QR code opens the mini program %s any more", before)
	default:
		d.say("The mini program that a QR code opens changes from %s to %s", before, after)
	}
}

func (d *differ) methods(a, b *loginpage.Page) {
	names := func(all []loginpage.SignInMethod) (names []string) {
		for _, w := range all {
			names = append(names, methodWords(w))
		}
		return names
	}
	d.set(names(a.Methods), names(b.Methods), "%s is no longer offered", "%s is offered", "The order of sign-in methods changes to: %s")
	for _, was := range a.Methods {
		if now, ok := b.Method(was.ID); ok {
			d.text("The label of "+methodWords(was), was.Label, now.Label)
			d.picture("The icon of "+methodWords(was), was.Icon, now.Icon)
		}
	}
	if a.Default != b.Default {
		form := func(m loginpage.Kind) string {
			if m == "" {
				return "none"
			}
			return kindWords[m]
		}
		d.say("The form that is shown first changes from %s to %s", form(a.Default), form(b.Default))
	}
}

var registrationWords = map[loginpage.Registration]string{
	loginpage.RegistrationOff:   "nobody can register",
	loginpage.RegistrationAuto:  "a code registers who has no account",
	loginpage.RegistrationSplit: "signing in never registers, sign-up has pages of its own",
}

func (d *differ) registration(a, b *loginpage.Page) {
	if a.Registration != b.Registration {
		d.say("Registration changes: before, %s; now, %s", registrationWords[a.Registration], registrationWords[b.Registration])
	}
	d.yes(a.SignUpPage, b.SignUpPage, "Sign-up has pages of its own", "Sign-up no longer has pages of its own")
	kinds := func(all []loginpage.Kind) (names []string) {
		for _, k := range all {
			names = append(names, kindWords[k])
		}
		return names
	}
	d.set(kinds(a.SignUpWith), kinds(b.SignUpWith), "%s can no longer verify a new account", "%s can verify a new account",
		"The order of what verifies a new account changes to: %s")
	fields := func(all []loginpage.SignUpField) (names []string) {
		for _, f := range all {
			names = append(names, f.Name)
		}
		return names
	}
	d.set(fields(a.SignUpFields), fields(b.SignUpFields), "A new account is no longer asked for its %s", "A new account is asked for its %s",
		"The order of what a new account is asked for changes to: %s")
	must := func(all []loginpage.SignUpField, name string) bool {
		return slices.Contains(all, loginpage.SignUpField{Name: name, Required: true})
	}
	for _, f := range b.SignUpFields {
		d.yes(must(a.SignUpFields, f.Name), f.Required, "A new account must have a "+f.Name, "A new account may do without a "+f.Name)
	}
}

func (d *differ) agreements(before, after []loginpage.Agreement) {
	labels := func(all []loginpage.Agreement) (labels []string) {
		for _, g := range all {
			labels = append(labels, fmt.Sprintf("%q", g.Label))
		}
		return labels
	}
	d.set(labels(before), labels(after), "The agreement %s is no longer asked for", "The agreement %s is asked for",
		"The order of the agreements changes to: %s")
	for _, was := range before {
		i := slices.IndexFunc(after, func(g loginpage.Agreement) bool { return g.Label == was.Label })
		if i < 0 {
			continue
		}
		old, now := paragraphs(was.Text), paragraphs(after[i].Text)
		if slices.Equal(old, now) {
			continue
		}
		gone := slices.DeleteFunc(slices.Clone(old), func(s string) bool { return slices.Contains(now, s) })
		come := slices.DeleteFunc(slices.Clone(now), func(s string) bool { return slices.Contains(old, s) })
		d.say("The text of the agreement %q changes: %s gone, %s new", was.Label, count(len(gone), "paragraph"), count(len(come), "paragraph"))
	}
}

// paragraphs are the blocks of a text, each with all that people can notice of it.
func paragraphs(text []loginpage.Block) (all []string) {
	for _, b := range text {
		all = append(all, fmt.Sprintf("%#v", b))
	}
	return all
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (d *differ) countries(a, b loginpage.Countries) {
	d.text("The country that is selected first", a.Default, b.Default)
	switch {
	case len(a.Allowed) == 0 && len(b.Allowed) > 0:
		d.say("Phone numbers are only taken of: %s", strings.Join(b.Allowed, ", "))
	case len(a.Allowed) > 0 && len(b.Allowed) == 0:
		d.say("Phone numbers of all countries are taken; before, only of: %s", strings.Join(a.Allowed, ", "))
	default:
		d.set(a.Allowed, b.Allowed, "Phone numbers of %s are no longer taken", "Phone numbers of %s are taken",
			"The order of countries changes to: %s")
	}
}

func (d *differ) links(before, after []loginpage.FooterLink) {
	urls := func(all []loginpage.FooterLink) (urls []string) {
		for _, l := range all {
			urls = append(urls, fmt.Sprintf("%s, to %s", labelWords(l.Label), l.URL))
		}
		return urls
	}
	d.set(urls(before), urls(after), "The link %s is no longer shown", "The link %s is shown", "The order of the links changes to: %s")
}

// labelWords are all that people may read of a label.
func labelWords(l loginpage.Localized) string {
	var all []string
	for _, tag := range slices.Sorted(maps.Keys(l)) {
		text := fmt.Sprintf("%q", l[tag])
		if tag != "" {
			text += " (" + tag + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func (d *differ) locales(before, after []string) {
	switch {
	case len(before) == 0 && len(after) > 0:
		d.say("The languages of the page are only: %s", strings.Join(after, ", "))
	case len(before) > 0 && len(after) == 0:
		d.say("The page is there in all languages; before, only in: %s", strings.Join(before, ", "))
	default:
		d.set(before, after, "The page is no longer there in %s", "The page is there in %s",
			"The order of languages changes to: %s")
		if len(after) > 0 && before[0] != after[0] {
			d.say("People who speak none of the languages get %s instead of %s", after[0], before[0])
		}
	}
}

func (d *differ) texts(before, after map[string]map[string]loginpage.Text) {
	locales := maps.Clone(before)
	if locales == nil {
		locales = map[string]map[string]loginpage.Text{}
	}
	maps.Copy(locales, after)
	for _, locale := range slices.Sorted(maps.Keys(locales)) {
		keys := maps.Clone(before[locale])
		if keys == nil {
			keys = map[string]loginpage.Text{}
		}
		maps.Copy(keys, after[locale])
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			was, now := before[locale][key], after[locale][key]
			switch {
			case maps.Equal(was, now):
			case was == nil:
				d.say("The text %s in %s is replaced by %s", key, locale, textWords(now))
			case now == nil:
				d.say("The text %s in %s is ours again; it was %s", key, locale, textWords(was))
			default:
				d.say("The text %s in %s changes from %s to %s", key, locale, textWords(was), textWords(now))
			}
		}
	}
}

func textWords(t loginpage.Text) string {
	if len(t) == 1 {
		return fmt.Sprintf("%q", t["other"])
	}
	return labelWords(loginpage.Localized(t))
}

// colorWords are the colours of a palette by their names in a config.
var colorWords = map[string]string{
	"page": "colour behind the card", "pageInk": "colour of text behind the card", "pageInk2": "colour of small text behind the card",
	"surface": "colour of the card", "ink": "colour of text", "ink2": "colour of small text", "line": "colour of lines", "edge": "colour of a field's edge",
	"brand": "primary colour", "brandHover": "primary colour under the pointer", "brandInk": "colour of text on the primary colour",
	"link": "colour of links", "wash": "colour behind hints",
	"danger": "colour of errors", "dangerWash": "colour behind errors", "ok": "colour of what went well", "okWash": "colour behind what went well",
	"focus": "colour of the focus",
}

func (d *differ) look(before, after loginpage.Version) {
	a, b := before.Page.Theme, after.Page.Theme
	for i, scheme := range []struct {
		in       string
		was, now *theme.Palette
	}{{"The ", &a.Light, &b.Light}, {"In the dark scheme the ", &a.Dark, &b.Dark}} {
		derived := 0
		for _, name := range theme.Colors() {
			was, now := scheme.was.Color(name), scheme.now.Color(name)
			_, named := before.Colors[i][name]
			_, names := after.Colors[i][name]
			switch {
			case was == now:
			case named || names:
				d.say("%s%s changes from %s to %s", scheme.in, colorWords[name], was, now)
			default:
				derived++
			}
		}
		if derived > 0 {
			d.say("%sother colours follow (%d that the file does not name)", scheme.in, derived)
		}
	}
	if a.Radius != b.Radius {
		d.say("The corners change from a radius of %d to %d pixels", a.Radius, b.Radius)
	}
	if a.Density != b.Density {
		d.say("The density changes from %s to %s", a.Density, b.Density)
	}
	if a.Layout != b.Layout {
		d.say("The layout changes from %s to %s", a.Layout, b.Layout)
	}
}
