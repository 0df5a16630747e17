package loginpage

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRichText(t *testing.T) {
	t.Parallel()
	p := func(s string) Block { return Block{BlockParagraph, []Run{{Text: s}}} }
	h := func(s string) Block { return Block{BlockHeading, []Run{{Text: s}}} }
	item := func(s string) Block { return Block{BlockItem, []Run{{Text: s}}} }
	tests := []struct {
		name, text string
		want       []Block
	}{
		{"nothing", " \n\t\n", nil},
		{"plain", "One,\ttwo.\r\n\r\n  Three: 1 < 2 & 3 > 2, &amp; stays.\n\u3000\u3000四。", []Block{p("One, two."), p("Three: 1 < 2 & 3 > 2, &amp; stays."), p("\u3000\u3000四。")}},
		{"blocks", "<h1>Title</h1>loose <p>One<br>two</p><ul><li>a<li>b <p>c</p></ul><table><tr><td>x<td>y</table>",
			[]Block{h("Title"), p("loose"), p("One"), p("two"), item("a"), item("b"), item("c"), p("x y")}},
		{"break in an item", "<ul><li>a<br>b</ul>", []Block{item("a b")}},
		{"inline", `<p>Read <b>this <i>well</i></b> &amp; <a href="https://example.com/a?b#c">that</a>.</p>`, []Block{{BlockParagraph, []Run{
			{Text: "Read "}, {Text: "this well", Strong: true}, {Text: " & "}, {Text: "that", URL: "https://example.com/a?b#c"}, {Text: "."},
		}}}},
		{"other links", `<a href="javascript:alert(1)">a</a> <a href="http://example.com">b</a> <a href="//example.com">c</a> <a href=" https://user:pw@example.com">d</a>`,
			[]Block{p("a b c d")}},
		{"not for reading", `<p onclick="x()">a<script>alert(1)</script><style>p{}</style><iframe src=x>no</iframe><svg><text>no</text></svg><!-- no --><template>no</template>` +
			`<noscript>no</noscript><textarea>no</textarea><img src=x onerror=alert(1) alt=no></p>`, []Block{p("a")}},
		{"escaped markup is text", `<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>`, []Block{p("<script>alert(1)</script>")}},
		{"what cannot be seen", "<p>a\u202eb\u0000c\ufeffd</p>", []Block{p("abcd")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := richText(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("blocks (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := richText(strings.Repeat("<div>", 10_000)); err == nil {
		t.Error("no limit to nesting")
	}
}

func FuzzRichText(f *testing.F) {
	f.Add("<h1>a</h1><p>b<br>c <a href='https://example.com'>d</a><ul><li>e")
	f.Fuzz(func(t *testing.T, s string) {
		blocks, err := richText(s)
		if err != nil {
			return
		}
		for _, b := range blocks {
			if len(b.Runs) == 0 {
				t.Error("a block without words")
			}
			for _, r := range b.Runs {
				if r.Text == "" || strings.ContainsAny(r.Text, "\r\n\x00\u202e") || r.URL != "" && !strings.HasPrefix(r.URL, "https://") {
					t.Errorf("run %+v", r)
				}
			}
		}
	})
}
