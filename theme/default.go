package theme

// Default is the look of a page whose config names none: a deep ink blue on a warm off-white
// page. Its colours stand nowhere else: make generate writes them into the style sheets.
func Default() Theme {
	return Theme{
		Light: Palette{
			Page: rgb(0xf4f1ea), PageInk: rgb(0x1c2330), PageInk2: rgb(0x596072),
			Surface: rgb(0xfffefb), Ink: rgb(0x1c2330), Ink2: rgb(0x596072), Line: rgb(0xe1dccf), Edge: rgb(0x8c8878),
			Brand: rgb(0x20396f), BrandHover: rgb(0x182c58), BrandInk: rgb(0xffffff), Link: rgb(0x2a4a8f), Wash: rgb(0xeef1f8),
			Danger: rgb(0xa8261d), DangerWash: rgb(0xfcefec), OK: rgb(0x1b6a45), OKWash: rgb(0xebf5ef),
			Focus: rgb(0x3c6bd6),
		},
		Dark: Palette{
			Page: rgb(0x10131a), PageInk: rgb(0xebe8e1), PageInk2: rgb(0xa6adbb),
			Surface: rgb(0x191e28), Ink: rgb(0xebe8e1), Ink2: rgb(0xa6adbb), Line: rgb(0x2b3241), Edge: rgb(0x6f788b),
			Brand: rgb(0x436fce), BrandHover: rgb(0x345ebc), BrandInk: rgb(0xffffff), Link: rgb(0xa9c0f7), Wash: rgb(0x222a3a),
			Danger: rgb(0xff5c52), DangerWash: rgb(0x33201f), OK: rgb(0x86d9ad), OKWash: rgb(0x1b2d27),
			Focus: rgb(0x8fb0ff),
		},
		Radius: DefaultRadius, Density: DensityComfortable, Layout: LayoutCard,
	}
}
