package online

// place is one of TCB's console: its name there, and the end of its address.
type place struct{ name, address string }

// The names and addresses are those that the vendor's documents and its published skill texts use (2026).
var (
	methods   = place{"Authentication › Login methods (身份认证 › 登录方式)", "#/identity/login-manage"}
	providers = place{"Authentication › Identity providers (身份认证 › 身份源)", "#/identity/provider-settings"}
	tokens    = place{"Authentication › Token management (身份认证 › Token 管理)", "#/identity/token-management"}
	apiKeys   = place{"Environment settings › API keys (环境配置 › API 密钥)", "#/env/apikey"}
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
