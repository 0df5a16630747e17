package online

// place is one of TCB's console: its name there, and the end of its address.
type place struct{ name, address string }

// The names are those of the vendor's documents, the addresses those of its published skill texts (2026-08); the
// host of the international site's console is that of its MCP server (@cloudbase/cloudbase-mcp 2.34.6).
var (
	methods   = place{"Authentication › Login methods (身份认证 › 登录方式)", "#/identity/login-manage"}
	providers = place{"Authentication › Identity providers (身份认证 › 身份源)", "#/identity/provider-settings"}
	clients   = place{"Authentication (身份认证)", "#/identity"}
	apiKeys   = place{"API keys (API 密钥)", "#/env/apikey"}
	domains   = place{"Environment settings › Security sources › Security domains (环境配置 › 安全来源 › 安全域名)", "#/env"}
)

// console says where in TCB's console a place is.
func (c *checker) console(p place) string {
	host := "tcb.cloud.tencent.com"
	if c.env.Intl {
		host = "tcb.tencentcloud.com"
	}
	return p.name + ", https://" + host + "/dev?envId=" + c.env.ID + p.address
}
