package i18n

import "testing"

func BenchmarkPrint(b *testing.B) {
	en, _ := mustLoad(b).Locale("en")
	for name, m := range map[string]Message{
		"plain":       {Key: "sign-in.button"},
		"placeholder": {Key: "code.lead_phone", Args: Args{"to": "+86 138****8000"}},
		"plural":      {Key: "error.send_wait", N: 34},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				en.Print(m)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	bundle := mustLoad(b)
	for name, wish := range map[string]string{
		"first":   "zh-CN,zh;q=0.9,en;q=0.8",
		"unknown": "fr-CA,fr;q=0.9,de;q=0.8,it;q=0.7",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bundle.Match(wish)
			}
		})
	}
}
