package handlers

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tcb-login/i18n"
	"tcb-login/views"
)

func agreementPath(i int) string { return "/agreement/" + strconv.Itoa(i+1) }

// getAgreement shows the text of the n-th agreement, counted from 1.
func (h *Handler) getAgreement(c *fiber.Ctx) error {
	r := requestOf(c)
	n, err := strconv.Atoi(c.Params("n"))
	if err != nil || n < 1 || n > len(r.login.Agreements) {
		return errMissing
	}
	return h.send(c, fiber.StatusOK, views.Agreement(h.agreementPage(r, n-1)))
}

func (h *Handler) agreementPage(r *request, i int) views.AgreementPage {
	a := r.login.Agreements[i]
	p := views.AgreementPage{
		Base: h.page(r, "agreement", i18n.Message{Text: a.Label}),
		Back: views.Link{To: "entry", URL: r.to("/"), Label: i18n.Msg("sign-in.back")},
	}
	for j, l := range p.Languages {
		other := *r
		other.query = r.inLanguage(l.Tag)
		p.Languages[j].URL = other.to(agreementPath(i))
	}
	for _, b := range a.Text {
		block := views.Block{Kind: string(b.Kind)}
		for _, run := range b.Runs {
			block.Runs = append(block.Runs, views.Run(run))
		}
		p.Blocks = append(p.Blocks, block)
	}
	return p
}
