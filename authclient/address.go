package authclient

import "slices"

// EndPointMode says which of TCB's two kinds of hosts calls go to. The names are those of endPointMode in
// the SDK's init.
type EndPointMode string

// The modes. The SDK 2.x calls CloudAPI unless told otherwise, and 3.x Gateway
// (@cloudbase/app of @cloudbase/js-sdk@2.32.0 and @3.7.0, src/index.ts, init). The paths below the
// host are the same.
const (
	// CloudAPI is https://{env}.{region}.tcb-api.tencentcloudapi.com
	// (@cloudbase/app@2.32.0 src/constants/common.ts, setRegionLevelEndpoint).
	CloudAPI EndPointMode = "CLOUD_API"
	// Gateway is https://{env}.api.tcloudbasegateway.com, or, on the international site,
	// https://{env}.api.intl.tcloudbasegateway.com (the same file, setGatewayEndPointWithEnv).
	Gateway EndPointMode = "GATEWAY"
)

const defaultRegion = "ap-shanghai"

// chinaRegions are those whose gateway is not the international one
// (@cloudbase/node-sdk@3.18.3 src/utils/tcbopenapiendpoint.ts, ZONE_CHINA). The browser's SDK has
// no such list: there an app says intl.
var chinaRegions = []string{
	"ap-shanghai", "ap-guangzhou", "ap-shenzhen-fsi", "ap-shanghai-fsi", "ap-nanjing", "ap-beijing", "ap-chengdu", "ap-chongqing", "ap-hongkong",
}

// Address is where the calls of a client of cfg go, without /auth and what follows: Endpoint, where it is set,
// else the host that the SDK would call.
//
// Outside China the default is the gateway, as the vendor's published texts on its HTTP API know no
// other host there ("International Regions").
func (cfg Config) Address() string {
	region := cfg.Region
	if region == "" {
		region = defaultRegion
	}
	abroad := cfg.Intl || !slices.Contains(chinaRegions, region)
	mode := cfg.EndPointMode
	if mode == "" && (abroad || cfg.PublishableKey != "") {
		mode = Gateway
	}
	switch {
	case cfg.Endpoint != "":
		return cfg.Endpoint
	case mode != Gateway:
		return "https://" + cfg.Env + "." + region + ".tcb-api.tencentcloudapi.com"
	case abroad:
		return "https://" + cfg.Env + ".api.intl.tcloudbasegateway.com"
	}
	return "https://" + cfg.Env + ".api.tcloudbasegateway.com"
}
