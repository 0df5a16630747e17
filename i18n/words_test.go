package i18n

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// sameAsEnglish are texts that need no translation.
var sameAsEnglish = map[string]bool{"ltr": true, "SMS": true, "WeChat": true}

// TestTranslated: what else reads as it does in English has been forgotten.
func TestTranslated(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	english := b.Locales()[0]
	for _, l := range b.Locales()[1:] {
		for key, message := range l.texts() {
			if message.other == english.texts()[key].other && !sameAsEnglish[message.other] {
				t.Errorf("%s: %s is %q, as in English", l.Locale(), key, message.other)
			}
		}
	}
}

// TestEndings: a sentence is one in every language, and what leads on to a list does.
func TestEndings(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	last := func(s string) string {
		r, _ := utf8.DecodeLastRuneInString(s) // of an empty one: no character that anything ends in
		return string(r)
	}
	fullWidth := map[string]string{".": "。", ":": "："}
	for _, l := range b.Locales()[1:] {
		base, _ := l.Tag().Base()
		for key, message := range b.Locales()[0].texts() {
			want := last(message.other)
			if fullWidth[want] == "" {
				continue
			}
			if base.String() == "zh" || base.String() == "ja" {
				want = fullWidth[want]
			}
			translated, ok := l.texts()[key]
			if !ok {
				continue // TestCatalogues says so
			}
			for _, s := range translated.all() {
				if got := last(s); got != want {
					t.Errorf("%s: %s ends in %q, want %q as in English", l.Locale(), key, got, want)
				}
			}
		}
	}
}

// spelling are the marks and words that a language does not use here.
var spelling = []struct {
	locale string
	never  *regexp.Regexp
	why    string
}{
	{"zh-CN", regexp.MustCompile(`\p{Han}[,.;:?!()"']|[,;:?!()"']\p{Han}`), "half-width punctuation"},
	{"zh-TW", regexp.MustCompile(`\p{Han}[,.;:?!()"']|[,;:?!()"']\p{Han}`), "half-width punctuation"},
	{"ja", regexp.MustCompile(`[\p{Han}\p{Hiragana}\p{Katakana}ー][,.;:?!()"']|[,;:?!()"'][\p{Han}\p{Hiragana}\p{Katakana}]`), "half-width punctuation"},
	{"ko", regexp.MustCompile(`[\x{3000}-\x{303f}\x{ff00}-\x{ffef}]`), "full-width punctuation"},
	{"zh-CN", regexp.MustCompile(`[「」『』]`), "quotes are “”"},
	{"zh-TW", regexp.MustCompile(`[“”‘’]`), "quotes are 「」"},
	{"ja", regexp.MustCompile(`[“”‘’，]`), "quotes are 「」, the comma is 、"},
	{"zh-CN", regexp.MustCompile(`\p{Han}[A-Za-z0-9]|[A-Za-z0-9]\p{Han}`), "a space stands between Chinese and Latin"},
	{"zh-CN", regexp.MustCompile(`\p{Han} [\p{Han}{]|} \p{Han}`), "no space within Chinese, nor beside a placeholder, where Print sets what the value needs"},
	{"zh-TW", regexp.MustCompile(`\p{Han}[A-Za-z0-9]|[A-Za-z0-9]\p{Han}`), "a space stands between Chinese and Latin"},
	{"zh-TW", regexp.MustCompile(`\p{Han} [\p{Han}{]|} \p{Han}`), "no space within Chinese, nor beside a placeholder, where Print sets what the value needs"},
	{"ja", regexp.MustCompile(`[\p{Han}\p{Hiragana}\p{Katakana}ー] [A-Za-z0-9{\p{Han}\p{Hiragana}\p{Katakana}]|[A-Za-z0-9}] [\p{Han}\p{Hiragana}\p{Katakana}]`), "no space within Japanese, nor between it and Latin"},
	{"ko", regexp.MustCompile(`\p{Han}`), "Chinese characters"},

	{"en", regexp.MustCompile(`(?i)e-mail|email address|\bSMS\b`), "email, text message"},
	{"en", regexp.MustCompile(`(?i)\b(do|does|did|is|are|was|were|could|would|should|will|can) not\b|\bcannot\b`), "don't, isn't, can't, …"},
	{"en", regexp.MustCompile(`(?i)\b(you|we|they) (are|will)\b|\b(it|that|there) is\b|\blet us\b`), "you're, we'll, it's, …"},
	{"en", regexp.MustCompile(`(?i)\boperator\b|\btr(y|ies)[.,]? (too|that)|many tries|start again|once more|(some|any|no)body|cancelled|for good|\blog(ged)? (in|out)\b|\blogin( [^p]|[.,])`), "administrator, attempts, start over, again, someone, canceled, permanently, sign in"},

	{"zh-CN", regexp.MustCompile(`重新发送|再次获取|再试|不正确|有误|个字符|图片验证|人机验证|验证通过|已验证，|电子邮件|邮件验证码|短信码|不便透露|安全历史`), "重新获取, 重试, 错误, 位, 图形验证码, 安全验证, 验证成功, 邮箱验证码, 保密, 安全记录"},
	{"zh-TW", regexp.MustCompile(`重新傳送|重新發送|不正確|有誤|圖片驗證|人機驗證|驗證完成|安全歷史`), "重新取得, 錯誤, 圖形驗證碼, 安全驗證, 驗證成功, 安全性紀錄"},
	{"ja", regexp.MustCompile(`ブラウザ[^ー]|試行回数が上限`), "ブラウザー, 試行回数が多すぎます"},
	{"ko", regexp.MustCompile(`다시 보내기|되었어요|[초분] 후 `), "다시 받기, 됐어요, 후에"},

	{"zh-CN", regexp.MustCompile(`登陆|帐号|帐户|账户|登出|注销|用户名称|信箱|简讯|您`), "登录, 账号, 退出登录 (an account that goes is 注销账号), 用户名, 邮箱, 短信, 你"},
	{"zh-TW", regexp.MustCompile(`登錄|註銷|賬|帳戶|郵箱|短信|用戶名|用戶(?:[^端]|$)|設備|鏈接|信息|服務器|屏幕|網絡|默認|菜單|軟件|提交|您`), "登入, 登出, 帳號, 電子郵件, 簡訊, 使用者, 裝置, 連結, 資訊, 伺服器, 送出, 你"},
	{"ja", regexp.MustCompile(`サインイン|サインアウト|サインアップ|ログオン|確認コード|検証コード|下さい|ユーザ[^ー]|サーバ[^ー]|Eメール|電子メール|携帯`), "ログイン, 認証コード, ください, ユーザー, サーバー, メール"},
	{"ja", regexp.MustCompile(`である。|だ。|[^さ]い。`), "です・ます"},
	{"ko", regexp.MustCompile(`로그온|사인인|가입하기|확인 ?코드|인증 ?코드|사용자 ?이름|핸드폰|전화번호|메일 ?주소|패스워드|암호`), "로그인, 인증번호, 아이디, 휴대폰, 비밀번호"},
	{"ko", regexp.MustCompile(`니다|시오|세요\?`), "해요체"},

	{"ar", regexp.MustCompile(`\p{Arabic}[,;?%]|[,;?]\s*\p{Arabic}`), "the comma is ،, the semicolon ؛, the question mark ؟"},
	{"ar", regexp.MustCompile(`\s[،؛؟:.]|[،؛؟][^\s»)]`), "marks stand at the word before them, and a space after"},
	{"ar", regexp.MustCompile(`[“”„"‘’']`), "quotes are «»"},
	{"ar", regexp.MustCompile(`[\x{064b}-\x{065f}\x{0670}ـ]`), "vowel signs and stretched letters"},
	{"ar", regexp.MustCompile(`[٠-٩۰-۹]`), "digits are 0 to 9"},
	{"ar", regexp.MustCompile(`[کگپچیہ]`), "letters of Persian and Urdu"},
	{"ar", regexp.MustCompile(`(^|\P{Arabic})و\s`), "و is written together with the word after it"},
	{"ar", regexp.MustCompile(`(^|\P{Arabic})[وف]?(الى|او|اذا|إسم|أسم|انت|ايضا|اضافة|ادخال|الغاء|انشاء)(\P{Arabic}|$)`), "the hamza"},
	{"ar", regexp.MustCompile(`(^|\P{Arabic})(أدخل|اختر|اضغط|انتظر|حاول|اكتب|تأكد|انقر|امسح|قم|عد|أنت|تريد|تستخدم|ترغب)(\P{Arabic}|$)`), "who is spoken to is man or woman: يرجى with a verbal noun, يمكنك"},
	{"ar", regexp.MustCompile(`كلمة السر|الرقم السري|[إا]يميل|البريد الالكتروني|كود|موبايل|الجوال|المحمول|تسجيل دخول إلى|حساب الخاص|الخاص بك|أونلاين|واتساب|ويتشات`), "كلمة المرور, البريد الإلكتروني, الرمز, الهاتف, حسابك"},
}

// deletion is where 注销 is the right word: an account goes for good. In any
// other place it would stand for signing out.
var deletion = regexp.MustCompile(`^注销$|注销(?:另一个)?账号|账号[^，。；：]*注销`)

func TestSpelling(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for _, l := range b.Locales() {
		for key, message := range l.texts() {
			if strings.HasPrefix(key, "format.") {
				continue // dates have their own habits
			}
			for _, s := range message.all() {
				if strings.Contains(s, "...") || strings.Contains(s, "  ") {
					t.Errorf("%s: %s is %q", l.Locale(), key, s)
				}
				s := strings.ReplaceAll(s, "{texts}", "") // an operator's titles, with brackets of their own
				if l.Locale() == "zh-CN" {
					s = deletion.ReplaceAllStringFunc(s, func(s string) string { return strings.ReplaceAll(s, "注销", "删除") })
				}
				for _, rule := range spelling {
					if found := rule.never.FindString(s); rule.locale == l.Locale() && found != "" {
						t.Errorf("%s: %s has %q in %q: %s", l.Locale(), key, found, s, rule.why)
					}
				}
			}
		}
	}
}

// TestCharacters: every character is an everyday one of the country's own
// character set. Simplified characters are not among those of Big5, traditional
// ones not in GB 2312, those of either not in JIS, with few exceptions.
func TestCharacters(t *testing.T) {
	t.Parallel()
	big5, gbk, jis := traditionalchinese.Big5.NewEncoder(), simplifiedchinese.GBK.NewEncoder(), japanese.ShiftJIS.NewEncoder()
	tests := []struct {
		locale  string
		known   func(c string) bool
		foreign string // what must not be known
	}{
		{"zh-TW", func(c string) bool { // level 1; of 包 x/text knows the Hong Kong code only
			code, err := big5.String(c)
			return c == "包" || err == nil && code[0] >= 0xa4 && code[0] <= 0xc6 && !strings.Contains("么几后", c)
		}, "录账号码验证简讯邮设备链请输为时这个们后来过发现应该还没网页户电话务么几万与厂气无"},
		{"zh-CN", func(c string) bool { // GBK holds GB 2312 where both bytes are high
			code, err := gbk.String(c)
			return err == nil && code[0] >= 0xb0 && code[0] <= 0xf7 && code[1] >= 0xa1 && c != "後"
		}, "錄賬帳號碼驗證簡訊郵設備鏈請輸為時這個們後來過發現應該還沒網頁戶電話務"},
		{"ja", func(c string) bool { // level 1
			code, err := jis.String(c)
			return err == nil && code[0] >= 0x88 && code[0] <= 0x98
		}, "录账码验证简讯邮设备链请输为时这们过发现应该还网页电话务錄賬號驗應"},
	}
	b := mustLoad(t)
	for _, tt := range tests {
		l, _ := b.Locale(tt.locale)
		for key, message := range l.texts() {
			for _, s := range message.all() {
				for _, r := range s {
					if unicode.Is(unicode.Han, r) && !tt.known(string(r)) {
						t.Errorf("%s: %s has %q in %q", tt.locale, key, r, s)
					}
				}
			}
		}
		for _, r := range tt.foreign {
			if tt.known(string(r)) {
				t.Errorf("%s lets %q through", tt.locale, r)
			}
		}
	}
}

// properNames are what has a capital within a sentence in English, and what stands on a button that
// a sentence names.
var properNames = map[string]bool{"Lock": true, "China": true, "WeChat": true, "JavaScript": true, "Asia": true, "Sign": true, "Continue": true}

// TestSentenceCase: English has capitals at the beginning of sentences and of names alone.
func TestSentenceCase(t *testing.T) {
	t.Parallel()
	capital := regexp.MustCompile(`[\p{L}\d,:;] (\p{Lu}\p{Ll}\pL+)`)
	english := mustLoad(t).Locales()[0]
	for key, message := range english.texts() {
		if strings.HasPrefix(key, "format.") {
			continue
		}
		for _, s := range message.all() {
			for _, m := range capital.FindAllStringSubmatch(s, -1) {
				if !properNames[m[1]] {
					t.Errorf("%s has a capital in %q: %q", key, s, m[1])
				}
			}
		}
	}
}

// TestNamesOfButtons: what assistive technology calls one of many buttons has the words that stand
// on it, by which people who speak to their computer press it.
func TestNamesOfButtons(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	tried := 0
	for _, l := range b.Locales() {
		for key, message := range l.texts() {
			label, ok := l.texts()[strings.TrimSuffix(key, "_one")]
			if !strings.HasSuffix(key, "_one") || !ok {
				continue
			}
			tried++
			if !strings.Contains(message.other, label.other) {
				t.Errorf("%s: %s is %q, without %q", l.Locale(), key, message.other, label.other)
			}
		}
	}
	if tried == 0 {
		t.Error("no message is called …_one")
	}
}
