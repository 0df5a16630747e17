// Package qrcode draws QR codes (ISO/IEC 18004) as the path of an SVG, for pages that may load no
// picture from elsewhere and hold no style. It knows neither templates nor what a code is for.
//
// The codes themselves are made by github.com/boombuler/barcode, which depends on nothing and is
// kept: its last release is of 2025. Of it the matrix alone is used.
package qrcode

import (
	"errors"
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// Quiet is how many modules stay white around a code: readers need them to find it.
const Quiet = 4

// MaxContent is the most that is drawn, in bytes: beyond it the modules are too small for a phone
// that is held before a screen.
const MaxContent = 512

// ErrContent says that something cannot be a code.
var ErrContent = errors.New("qrcode: nothing, or more than a screen can show")

// A Code is one as it is drawn.
type Code struct {
	Size int    // modules of a side, with the quiet zone: the viewBox
	Path string // for a stroke one module wide: a line for each run of black modules
}

// Draw makes the code of a text, with a quarter of the code to spare (level Q) where it is short
// and a seventh (level M) else.
func Draw(content string) (Code, error) {
	if content == "" || len(content) > MaxContent {
		return Code{}, ErrContent
	}
	level := qr.Q
	if len(content) > MaxContent/4 {
		level = qr.M
	}
	matrix, err := qr.Encode(content, level, qr.Auto)
	if err != nil {
		return Code{}, fmt.Errorf("qrcode: %w", err)
	}
	n := matrix.Bounds().Dx()
	return Code{Size: n + 2*Quiet, Path: path(n, func(x, y int) bool { return matrix.At(x, y) == color.Black })}, nil
}

// path is the black modules of an n by n matrix, row by row, from the middle of each.
func path(n int, black func(x, y int) bool) string {
	var b strings.Builder
	for y := range n {
		for x := 0; x < n; {
			run := 0
			for x+run < n && black(x+run, y) {
				run++
			}
			if run > 0 {
				b.WriteString("M" + strconv.Itoa(x+Quiet) + " " + strconv.Itoa(y+Quiet) + ".5h" + strconv.Itoa(run))
			}
			x += max(run, 1)
		}
	}
	return b.String()
}
