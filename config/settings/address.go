package settings

import (
	"slices"

	"tcb-login/config/input"
)

// chinaRegions are those whose gateway is not that of TCB's international site
// (@cloudbase/node-sdk@3.18.3 src/utils/tcbopenapiendpoint.ts, ZONE_CHINA). Package authclient has them
// too, for programs that lift it out; a test compares the two.
var chinaRegions = []string{
	"ap-shanghai", "ap-guangzhou", "ap-shenzhen-fsi", "ap-shanghai-fsi", "ap-nanjing", "ap-beijing", "ap-chengdu", "ap-chongqing", "ap-hongkong",
}

// address decides which of TCB's hosts is called, and says what does not go together. Where the settings
// name an endpoint, or the emulator stands in, nothing of it matters.
func (p *parser) address(at environmentNodes, e *Environment) {
	abroad := !slices.Contains(chinaRegions, e.Region)
	if at.intl == nil {
		e.Intl = abroad
	}
	if at.mode == nil {
		e.EndpointMode = EndpointCloudAPI
		if e.Intl || at.published != nil {
			e.EndpointMode = EndpointGateway
		}
	}
	switch {
	case p.launch.Emulator:
	case e.Endpoint != "":
		const unused = "%s is not used: endpoint says where calls go"
		if at.mode != nil {
			p.warnf(at.mode, unused, "endpoint_mode")
		}
		if at.intl != nil {
			p.warnf(at.intl, unused, "intl")
		}
	case e.EndpointMode == EndpointGateway:
		p.gateway(at, e, abroad)
	case at.published != nil:
		p.errorf(at.mode, `endpoint_mode: publishable_key is sent to TCB's gateway alone: want "gateway", or leave the key out`)
	case at.intl != nil && e.Intl:
		p.errorf(at.intl, `intl: of TCB's hosts only the gateway has an international one: want endpoint_mode: gateway, or leave intl out`)
	case abroad:
		p.warnf(at.mode, "endpoint_mode: TCB documents no other host for %s than its gateway", input.Quote(e.Region))
	}
}

// gateway is about an environment whose calls go to TCB's gateway.
func (p *parser) gateway(at environmentNodes, e *Environment, abroad bool) {
	switch {
	case abroad && !e.Intl:
		p.errorf(at.intl, "intl: %s has TCB's international gateway alone: leave intl out, or name another address as endpoint", input.Quote(e.Region))
	case !abroad && e.Intl:
		p.warnf(at.intl, "intl: the gateway of %s is not the international one: name another region, or leave intl out", input.Quote(e.Region))
	}
	if at.published == nil {
		p.warnf(first(at.mode, at.intl, at.region, at.whole),
			"publishable_key is missing: TCB's gateway, which is called here, asks for a token on calls without a login; TCB's console has the key under API keys")
	}
}
