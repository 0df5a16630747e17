package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/text/language"
)

// text is a sentence for people in the two languages of TCB's SDK.
type text struct{ zh, en string }

// apiError is a refusal as TCB words it.
type apiError struct {
	code       string
	text       text // the zero value means the code's own sentence
	details    []any
	retryAfter int // seconds; sent when positive
	status     int // zero means the code's own
}

func (e *apiError) Error() string { return "emulator: " + e.code + ": " + e.describe(false) }

func fail(code string) *apiError { return &apiError{code: code} }

func failText(code string, t text) *apiError { return &apiError{code: code, text: t} }

// failRetry is a refusal that ends by itself after some seconds. Login pages read
// details[0].retry_in, the SDK retry_after.
func failRetry(code string, seconds int64) *apiError {
	return &apiError{code: code, retryAfter: int(seconds), details: []any{retryInfo{
		Type: "type.googleapis.com/google.rpc.RetryInfo", RetryIn: seconds,
	}}}
}

type retryInfo struct {
	Type    string `json:"@type"`
	RetryIn int64  `json:"retry_in"`
}

type triesLeft struct {
	Remaining int `json:"remaining"`
}

// errorKind is what an error code brings along.
type errorKind struct {
	number int
	status int
	text   text
}

// errorKinds is every code this emulator answers with, and, for faults, the others of the SDK's
// list. Numbers below 100 are gRPC's and statuses follow grpc-gateway. Numbers from 4001 on are
// those of the SDK's AuthErrorCode and, for invalid_password, of the vendor's sample. Where no
// source has a number, the nearest gRPC one stands in. Sign-in's page lists 400 and 501 only, so
// its own codes get 400.
var errorKinds = map[string]errorKind{
	"invalid_argument":    {3, 400, text{"参数错误", "Invalid argument"}},
	"deadline_exceeded":   {4, 504, text{"请求超时", "Deadline exceeded"}},
	"not_found":           {5, 404, text{"用户不存在", "User not found"}},
	"already_exists":      {6, 409, text{"该用户名已被占用", "This username is already taken"}},
	"permission_denied":   {7, 403, text{"没有权限", "Permission denied"}},
	"resource_exhausted":  {8, 429, text{"操作过于频繁，请稍后再试", "Too many requests, please try again later"}},
	"failed_precondition": {9, 400, text{"不满足操作条件", "Failed precondition"}},
	"aborted":             {10, 409, text{"验证码错误次数过多，请重新获取", "Too many wrong codes, please request a new one"}},
	"out_of_range":        {11, 400, text{"参数超出范围", "Out of range"}},
	"unimplemented":       {12, 501, text{"该登录方式未开启", "This sign-in method is not enabled"}},
	"internal":            {13, 500, text{"服务器内部错误", "Internal error"}},
	"unavailable":         {14, 503, text{"服务暂不可用", "Service unavailable"}},
	"data_loss":           {15, 500, text{"数据丢失", "Data loss"}},
	"unauthenticated":     {16, 401, text{"登录已失效，请重新登录", "You are not signed in, or your sign-in has expired"}},

	"captcha_required":      {4001, 400, text{"请完成图形验证码", "Please solve the captcha"}},
	"captcha_invalid":       {4002, 400, text{"图形验证码错误或已过期", "The captcha is wrong or has expired"}},
	"invalid_password":      {4003, 400, text{"用户名或密码不正确", "Wrong username or password"}},
	"provider_error":        {4019, 400, text{"身份源错误", "The identity provider failed"}},
	"unauthorized_client":   {4022, 401, text{"客户端不存在或密钥错误", "Unknown client, or wrong client secret"}},
	"mfa_phone_required":    {4042, 400, text{"请先绑定手机号", "Bind a phone number first"}},
	"login_method_disabled": {4045, 403, text{"该登录方式已关闭", "This sign-in method is switched off"}},

	"password_not_set": {9, 400, text{"该用户未设置密码", "This user has no password"}},
	"user_pending":     {7, 400, text{"用户尚未激活", "This user is not active yet"}},
	"user_blocked":     {7, 400, text{"用户已被停用", "This user is blocked"}},
	"invalid_status":   {8, 400, text{"密码错误次数过多，账号已临时锁定", "Too many wrong passwords, the account is locked for a while"}},
	"invalid_grant":    {16, 400, text{"刷新令牌无效或已过期", "The refresh token is invalid or has expired"}},
	"invalid_request":  {3, 400, text{"请求无效", "Invalid request"}},

	"two_factor_required":       {9, 400, text{"请先完成二次验证", "A second factor is required"}},
	"invalid_two_factor":        {3, 400, text{"二次验证码错误或已过期", "The two-factor code does not match or has expired"}},
	"provider_not_enabled":      {9, 400, text{"该身份源未开启", "This identity provider is not enabled"}},
	"access_denied":             {7, 400, text{"用户拒绝授权", "The user said no"}},
	"invalid_scope":             {3, 400, text{"不支持的 scope", "Unknown scope"}},
	"unsupported_response_type": {3, 400, text{"不支持的 response_type", "Unsupported response_type"}},
	"authorization_pending":     {9, 400, text{"等待用户授权", "The user has not decided yet"}},
	"slow_down":                 {8, 400, text{"轮询过于频繁", "You are polling too fast"}},
	"expired_token":             {9, 400, text{"设备码已过期", "The device code has expired"}},
}

// Sentences that say more than their code does.
var (
	textNoRoute        = text{"接口不存在", "No such API"}
	textBadJSON        = text{"请求体不是合法的 JSON 对象", "The request body is not a JSON object of the expected shape"}
	textBodyTooBig     = text{"请求体过大", "The request body is too big"}
	textEncodedBody    = text{"不支持压缩的请求体", "The request body must not be encoded"}
	textNoCredential   = text{"请提供密码或 verification_token", "Either password or verification_token must be provided"}
	textNoUsername     = text{"请提供用户名", "username must be provided"}
	textBadPhone       = text{"手机号格式错误，应为“+86 13800000000”", `Bad phone number; it must look like "+86 13800000000"`}
	textBadEmail       = text{"邮箱格式错误", "Bad e-mail address"}
	textBadUsername    = text{"用户名应为 2–48 位字母、数字或 _ . -，以字母或数字开头", "A username has 2 to 48 letters, digits, _ . or -, and starts with a letter or digit"}
	textBadProfile     = text{"用户资料字段过长或取值错误", "A profile field is too long or has a value that is not allowed"}
	textOneTarget      = text{"请提供 phone_number 或 email 其中之一", "Exactly one of phone_number and email must be provided"}
	textBadTarget      = text{"target 取值错误", "Unknown target"}
	textWeakPassword   = text{"您输入的密码不符合要求：8–64 位，须包含大写字母、小写字母、数字和特殊字符", "The password must have 8 to 64 characters, with an upper-case letter, a lower-case letter, a digit and a special character"}
	textShortPassword  = text{"您输入的密码不符合要求：8–64 位", "The password must have 8 to 64 characters"}
	textBadPicture     = text{"图形验证码错误或已过期", "The characters of the picture are wrong, or the picture has expired"}
	textForeignOrigin  = "cors permission denied,please check if {url} in your client {env} domains" // as documented, in one language
	textBadCode        = text{"验证码错误或已过期", "The verification code is wrong or has expired"}
	textBadToken       = text{"verification_token 无效或已过期", "The verification token is invalid or has expired"}
	textOtherTarget    = text{"verification_token 与用户名不匹配", "The verification token was made for somebody else"}
	textRegistered     = text{"该手机号或邮箱已注册", "This phone number or e-mail address is already registered"}
	textUnregistered   = text{"该手机号或邮箱未注册", "This phone number or e-mail address is not registered"}
	textNotYours       = text{"不是当前用户绑定的手机号或邮箱", "This is not the current user's phone number or e-mail address"}
	textShanghaiOnly   = text{"手机号登录仅支持上海地域", "Phone number sign-in is only supported in the Shanghai region"}
	textNoDevice       = text{"请在请求头中添加设备 ID", "please add device ID in the request header"}
	textNoAnonymous    = text{"请联系管理员开启匿名登录", "please contact the administrator to enable anonymous login"}
	textBadAnonymous   = text{"anonymous_token 无效", "The anonymous token is invalid"}
	textBadGrant       = text{"不支持的 grant_type", "Unsupported grant_type"}
	textNoToken        = text{"请提供 token", "token must be provided"}
	textNoDeviceFound  = text{"该设备没有登录", "Nobody is signed in on this device"}
	textBadPage        = text{"分页参数错误", "Bad limit or page_token"}
	textNotVerified    = text{"请先验证新的手机号或邮箱", "Verify the new phone number or e-mail address first"}
	textContactTaken   = text{"该手机号或邮箱已被其他用户绑定", "This phone number or e-mail address belongs to somebody else"}
	textPasswordDue    = text{"请先修改密码", "The password has to be changed first"}
	textBadCipher      = text{"加密参数无效，请重新获取公钥", "The encrypted parameters cannot be read; fetch the public key again"}
	textIdentityBound  = text{"该第三方账号已被绑定", "This third-party identity is already bound to an account"}
	textProviderBound  = text{"当前用户已绑定该身份源", "You have already bound an identity of this provider"}
	textNotBound       = text{"未绑定该身份源", "No identity of this provider is bound"}
	textLastWay        = text{"不能解绑唯一的登录方式", "The last way to sign in cannot be unbound"}
	textBadRedirect    = text{"redirect_uri 无效", "Bad redirect_uri"}
	textNotRegistered  = text{"redirect_uri 未登记：本机地址无需登记，其他地址请加入客户端的 redirect_uris 或模拟器的 security_domains", "This redirect_uri is not registered. Addresses of this machine need not be; add others to a client's redirect_uris or to the emulator's security_domains."}
	textThirdParty     = text{"获取第三方用户信息失败", "Failed to get the user's information from the third party"}
	textProviderToken  = text{"当前会话已过期，请返回重试", "Your session has expired, please go back and try again"}
	textNoIdentityUser = text{"没有找到匹配的用户", "No matching user"}
	textBadTicket      = text{"自定义登录 ticket 无效", "The custom login ticket is invalid"}
	textOldTicket      = text{"自定义登录 ticket 已过期", "The custom login ticket has expired"}
	textPhoneSudo      = text{"已绑定手机号，请使用验证码", "A phone number is bound: prove yourself with a verification_token"}
	textNoSudo         = text{"当前会话已过期，请重新验证身份", "The sudo_token is missing, wrong or has expired; please prove yourself again"}
	textPasswordsApart = text{"两次输入的密码不一致", "new_password and confirm_password differ"}
	textBadConflict    = text{"conflict_resolution 取值错误", "Unknown conflict_resolution"}
	textNoAnonymousNow = text{"匿名用户请先注册", "An anonymous user has to sign up first"}
	textNoQuery        = text{"请提供查询条件，最多 50 个 id", "Give a condition, and at most 50 ids"}
	textQueryRefused   = text{"自定义登录和匿名登录不支持查询用户", "Custom and anonymous logins cannot query users"}
	textNotYourself    = text{"只能修改当前用户", "You can only change yourself"}
	textOldPassword    = text{"请提供旧密码", "The old password must be provided"}
	textBadUserCode    = text{"用户码无效", "The user code is wrong"}
	textUsedUserCode   = text{"用户码已被使用", "The user code has been used already"}
	textBadAuthCode    = text{"授权码无效或已过期", "The code is invalid, used or expired"}
	textNeedSecret     = text{"需要 client_secret", "This needs the client's secret"}
	textNoRedirect     = text{"请提供 redirect_uri 和 state", "redirect_uri and state must be provided"}
	textOtherEnv       = text{"envId 与客户端不符", "envId is not the client's environment"}
	textControlRefused = text{"仅限本机访问", "The emulator's controls answer to this machine only"}
	textControlToken   = text{"需要控制令牌：Authorization: Bearer", "The emulator's controls want their token: Authorization: Bearer"}
	textBadForm        = text{"表单无法读取", "The form cannot be read"}
	textNoFile         = text{"请选择文件", "Choose a file"}
	textNoClient       = text{"客户端不存在", "No such client"}
	textLastClient     = text{"环境至少保留一个客户端", "An environment keeps one client"}
	textNoSuchUser     = text{"用户不存在", "No such user"}
	textWhichEnv       = text{"多个环境中都有此用户，请指定 env", "Several environments have this user: name one with env"}
	textNoEnv          = text{"环境不存在", "No such environment"}
	textNameEnv        = text{"请指定环境", "Which environment?"}
	textBadControl     = text{"参数错误", "Unknown key or bad value"}
)

// describe returns the sentence for people.
func (e *apiError) describe(chinese bool) string {
	t := e.text
	if t == (text{}) {
		t = errorKinds[e.code].text
	}
	if chinese {
		return t.zh
	}
	return t.en
}

// errorBody is TCB's error answer.
type errorBody struct {
	Error       string `json:"error"`
	ErrorCode   int    `json:"error_code"`
	Description string `json:"error_description"`
	Details     []any  `json:"details,omitempty"`
	RetryAfter  int    `json:"retry_after,omitempty"`
}

// sendError sends an error. What is not a refusal of the API is a bug or an outage: logged,
// and told as "internal".
func (e *Emulator) sendError(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *apiError
	if !errors.As(err, &refusal) {
		if !errors.Is(err, context.Canceled) {
			e.log.ErrorContext(r.Context(), "emulator: call failed", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		refusal = fail("internal")
	}
	kind, known := errorKinds[refusal.code]
	if !known { // a fault may name any code
		kind = errorKind{number: 2, status: http.StatusBadRequest}
	}
	status := kind.status
	if refusal.status != 0 {
		status = refusal.status
	}
	description := refusal.describe(localeOf(r) == localeChinese)
	if description == "" {
		description = fmt.Sprintf("error %s", refusal.code)
	}
	sendJSON(w, status, errorBody{
		Error: refusal.code, ErrorCode: kind.number, Description: description,
		Details: refusal.details, RetryAfter: refusal.retryAfter,
	})
}

// The SDK knows two languages; the first is TCB's default.
const (
	localeChinese = "zh-CN"
	localeEnglish = "en-US"
)

var languages = sync.OnceValue(func() language.Matcher {
	return language.NewMatcher([]language.Tag{language.MustParse(localeChinese), language.MustParse(localeEnglish)})
})

// localeOf is the language that a call wants its sentences and messages in.
func localeOf(r *http.Request) string {
	header := r.Header.Get("Accept-Language")
	if header == "" || len(header) > 512 {
		return localeChinese
	}
	if _, i := language.MatchStrings(languages(), header); i == 1 {
		return localeEnglish
	}
	return localeChinese
}
