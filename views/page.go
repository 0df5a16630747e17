package views

import (
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// A Page is a page struct: what handlers make, change and send.
type Page interface {
	// Frame is what the page has like every other.
	Frame() *Base
	// Component renders the page as it is now.
	Component() templ.Component
}

// Frame makes every page struct, which embeds Base, half a Page.
func (b *Base) Frame() *Base { return b }

// Component implements Page.
func (p *AccountPage) Component() templ.Component { return Account(p) }

// Component implements Page.
func (p *ProfilePage) Component() templ.Component { return Profile(p) }

// Component implements Page.
func (p *UsernamePage) Component() templ.Component { return Username(p) }

// Component implements Page.
func (p *PasswordPage) Component() templ.Component { return Password(p) }

// Component implements Page.
func (p *StepUpPage) Component() templ.Component { return StepUp(p) }

// Component implements Page.
func (p *ConflictPage) Component() templ.Component { return Conflict(p) }

// Component implements Page.
func (p *ProvidersPage) Component() templ.Component { return Providers(p) }

// Component implements Page.
func (p *BindPage) Component() templ.Component { return Bind(p) }

// Component implements Page.
func (p *SessionsPage) Component() templ.Component { return Sessions(p) }

// Component implements Page.
func (p *HistoryPage) Component() templ.Component { return History(p) }

// Component implements Page.
func (p *DeletePage) Component() templ.Component { return Delete(p) }

// Component implements Page.
func (p *DevicePage) Component() templ.Component { return AuthorizeDevice(p) }

// Component implements Page.
func (p *ReturnPage) Component() templ.Component { return Return(p) }

// Component implements Page.
func (p *ReviewPage) Component() templ.Component { return Review(p) }

// Component implements Page.
func (p *DataPage) Component() templ.Component { return Data(p) }

// Component implements Page.
func (p *ContinuePage) Component() templ.Component { return Continue(p) }

// Component implements Page.
func (p *AuthorizePage) Component() templ.Component { return Authorize(p) }

// Component implements Page.
func (p *SignInPage) Component() templ.Component { return SignIn(p) }

// Component implements Page.
func (p *ChoosePage) Component() templ.Component { return Choose(p) }

// Component implements Page.
func (p *SendCodePage) Component() templ.Component { return SendCode(p) }

// Component implements Page.
func (p *CodePage) Component() templ.Component { return Code(p) }

// Component implements Page.
func (p *SignUpDetailsPage) Component() templ.Component { return SignUpDetails(p) }

// Component implements Page.
func (p *AgreementPage) Component() templ.Component { return Agreement(p) }

// Component implements Page.
func (p *ConfirmedPage) Component() templ.Component { return Confirmed(p) }

// Component implements Page.
func (p *StartPage) Component() templ.Component { return Start(p) }

// Component implements Page.
func (p *QRPage) Component() templ.Component { return QR(p) }

// Component implements Page.
func (p *NewPasswordPage) Component() templ.Component { return NewPassword(p) }

// Component implements Page.
func (p *CompletePage) Component() templ.Component { return Complete(p) }

// Component implements Page.
func (p *InterstitialPage) Component() templ.Component { return Interstitial(p) }

// Component implements Page.
func (p *CaptchaReturnPage) Component() templ.Component { return CaptchaReturn(p) }

// Component implements Page.
func (p *SignOutPage) Component() templ.Component { return SignOut(p) }

// Component implements Page.
func (p *ErrorPage) Component() templ.Component { return Error(p) }

// Component implements Page.
func (p *DemoPage) Component() templ.Component { return Demo(p) }

// Component implements Page.
func (p *NoticePage) Component() templ.Component { return Notice(p) }

// Component implements Page.
func (p *HandOffPage) Component() templ.Component { return HandOff(p) }

// What account.js is to do on a page, in Guard.Mode.
const (
	GuardPortal   = "portal"   // the page shows a person
	GuardContinue = "continue" // it offers to go on as one
	GuardHandOff  = "hand-off" // it looks for the browser's login
	GuardSignOut  = "sign-out" // it ends that
)

// style is the one stylesheet of a page.
func (b *Base) style() string {
	if b.Lean {
		return b.Assets.OverviewStyle
	}
	if b.Portal != nil || b.Guard != nil || b.Styled {
		return b.Assets.PortalStyle
	}
	return b.Assets.Style
}

// script is the one script of a page.
func (b *Base) script() string {
	if b.Guard != nil && b.Assets.PortalScript != "" {
		if b.Lean {
			return b.Assets.Account
		}
		return b.Assets.PortalScript
	}
	return b.Assets.Script
}

// LetterOf is InitialOf for who is called by a name; empty for who is by a number.
func LetterOf(name string) string {
	if first, _ := utf8.DecodeRuneInString(name); !unicode.IsLetter(first) {
		return ""
	}
	return InitialOf(name)
}

// InitialOf is the letter that stands for a picture.
func InitialOf(name string) string {
	initial, _ := utf8.DecodeRuneInString(name)
	if initial == utf8.RuneError {
		return ""
	}
	return string(unicode.ToUpper(initial))
}
