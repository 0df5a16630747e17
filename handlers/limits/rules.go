package limits

import (
	"time"

	"tcb-login/limit"
)

// CaptchaLife is how long a captcha that was asked for may be answered.
const CaptchaLife = 15 * time.Minute

// The rules of guessing and sending. Of passwords, codes and pictures failures count, not
// successes. No limit that refuses is keyed by the victim alone, but for the minute between two
// codes: a stranger's tries cost the stranger. What is keyed wider only asks for a captcha, so that
// no stranger can lock somebody out, and an office behind one address gets in.
var (
	RulePassword = limit.Rule{Name: "password", N: 4, Per: 10 * time.Minute} // of a person from a network; refuses
	// TCB asks for a captcha from the sixth wrong password, for accounts that exist. Ours comes
	// before, for every name, and remembers for as long as TCB can be thought to.
	RulePasswordPerson  = limit.Rule{Name: "password of person", N: 4, Per: 24 * time.Hour}
	RulePasswordNetwork = limit.Rule{Name: "password from network", N: 50, Per: time.Hour}
	RuleStepUp          = limit.Rule{Name: "step-up of login", N: 10, Per: 12 * time.Hour} // ends the login
	// Of all logins of an account that the app brought: a few for each of a person's devices.
	RuleStepUpHandedOver = limit.Rule{Name: "step-up of handed-over logins", N: 20, Per: 12 * time.Hour}
	RuleCode             = limit.Rule{Name: "code", N: 5, Per: 20 * time.Minute}

	RuleSendPause     = limit.Rule{Name: "send pause", N: 1, Per: time.Minute} // to a target; refuses
	RuleSMSShare      = limit.Rule{Name: "SMS to target from network", N: 3, Per: time.Hour}
	RuleSMSShareDay   = limit.Rule{Name: "SMS to target from network in a day", N: 5, Per: 24 * time.Hour}
	RuleEmailShare    = limit.Rule{Name: "email to target from network", N: 5, Per: time.Hour}
	RuleEmailShareDay = limit.Rule{Name: "email to target from network in a day", N: 15, Per: 24 * time.Hour}
	RuleSendNetwork   = limit.Rule{Name: "send from network", N: 30, Per: time.Hour}
	RuleAnonymous     = limit.Rule{Name: "anonymous from network", N: 60, Per: time.Hour}
	RuleProvider      = limit.Rule{Name: "provider from network", N: 60, Per: time.Hour}
	// Of a mini program's codes, each of which is asked about now and then: beyond the pause the next
	// one waits, and whoever has asked so often has had the time.
	RuleQR            = limit.Rule{Name: "QR code from network", N: 60, Per: time.Hour}
	RuleQRPause       = limit.Rule{Name: "poll of QR code", N: 1, Per: time.Second}
	RuleQRPolls       = limit.Rule{Name: "polls of QR code", N: 60, Per: 10 * time.Minute}
	RuleCaptchaSolved = limit.Rule{Name: "picture solved", N: 1, Per: 2 * CaptchaLife}
	RuleCaptchaWrong  = limit.Rule{Name: "picture wrong", N: 120, Per: time.Hour, Burst: 30}
	RuleCaptcha       = limit.Rule{Name: "another picture", N: 120, Per: time.Hour, Burst: 20}
	RuleUsername      = limit.Rule{Name: "username check", N: 30, Per: time.Hour, Burst: 10}

	// Wrong codes of devices, of a person from a network; refuses.
	RuleDevice = limit.Rule{Name: "device code", N: 5, Per: 10 * time.Minute}

	// Each hand-off may take a place on the deny list, which forgets what it has no room for. An
	// office has many people behind a network; one login may come from as many networks as an IPv6
	// block has. Sign-ins and step-ups take places too: what one account has of them is bounded for
	// all three.
	ruleSessions      = limit.Rule{Name: "session ids of account", N: 120, Per: time.Hour, Burst: 60}
	RuleHandOff       = limit.Rule{Name: "hand-off from network", N: 600, Per: time.Hour, Burst: 60}
	RuleHandOffPerson = limit.Rule{Name: "hand-off of person", N: 120, Per: time.Hour, Burst: 60}
)
