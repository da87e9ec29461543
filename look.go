package main

import "souffleur/web/brand"

// lookFlags is what an operator changes of the looks of the pages; docs/theme.md describes the files.
type lookFlags struct {
	ThemeCSS string `help:"Style sheet with the operator's colours and fonts: values of tokens, nothing else." env:"SOUFFLEUR_THEME_CSS" name:"theme-css" type:"existingfile" placeholder:"FILE"`
	Logo     string `help:"Operator's logo, SVG or PNG." env:"SOUFFLEUR_LOGO" type:"existingfile" placeholder:"FILE"`
	Name     string `help:"Name of the service, on its pages and as an installed app, instead of Souffleur." env:"SOUFFLEUR_NAME" placeholder:"TEXT"`
}

func (f lookFlags) look() (brand.Brand, error) {
	look, err := brand.Load(f.ThemeCSS, f.Logo, f.Name)
	if err != nil {
		return look, badUsage("--theme-css, --logo, --name: %w", err)
	}
	return look, nil
}
