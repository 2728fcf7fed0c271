package config

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// Print writes the settings as a complete edge.yaml with a comment on every one. Secrets stay references; one that
// stands in the open is hidden.
func Print(w io.Writer, s Settings) error {
	p := &printer{}
	p.line(0, "# edge.yaml: every setting of the OverCloud edge. What is not written has its default; an environment")
	p.line(0, "# variable in brackets wins over the file. The daemon takes a changed file within seconds, without a restart.")
	p.line(0, "")
	p.section(0, reflect.ValueOf(s))
	_, err := io.WriteString(w, p.text.String())
	return err
}

type printer struct{ text strings.Builder }

func (p *printer) line(depth int, format string, args ...any) {
	p.text.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&p.text, format, args...)
	p.text.WriteByte('\n')
}

// section writes the fields of a struct, each with its comment above it where there is one.
func (p *printer) section(depth int, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		key := keyOf(t, f)
		if key == "" {
			continue
		}
		value := v.Field(i)
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				continue // there is none
			}
			value = value.Elem()
		}
		if value.Kind() == reflect.Struct {
			p.line(0, "")
			p.line(depth, "%s:", key)
			p.section(depth+1, value)
			continue
		}
		if named(f.Type) {
			p.named(depth, key, comment(f), v.Field(i))
			continue
		}
		if about := comment(f); about != "" {
			p.line(depth, "# %s", about)
		}
		p.field(depth, key, value)
	}
}

func comment(f reflect.StructField) string {
	about := f.Tag.Get("about")
	if variable := f.Tag.Get("env"); variable != "" {
		about += " [" + variable + "]"
	}
	return about
}

// field writes one value; sensors and other lists of things on one line each.
func (p *printer) field(depth int, key string, v reflect.Value) {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Struct {
		p.line(depth, "%s", strings.TrimRight(key+": "+scalar(v), " "))
		return
	}
	p.line(depth, "%s:", key)
	for i := range v.Len() {
		p.line(depth+1, "- {%s}", strings.Join(flow(v.Index(i)), ", "))
	}
}

// flow is the fields of a struct that are not zero, as key: value.
func flow(v reflect.Value) []string {
	var parts []string
	for i := range v.NumField() {
		if key := keyOf(v.Type(), v.Type().Field(i)); key != "" && !v.Field(i).IsZero() {
			parts = append(parts, key+": "+scalar(v.Field(i)))
		}
	}
	return parts
}

// named writes a list as a mapping from names; an empty one with an example.
func (p *printer) named(depth int, key, about string, v reflect.Value) {
	if depth == 0 {
		p.line(0, "")
	}
	if about != "" {
		p.line(depth, "# %s", about)
	}
	if v.Len() == 0 {
		p.line(depth, "%s: {}", key)
		for line := range strings.Lines(example(key)) {
			p.line(depth, "#   %s", strings.TrimRight(line, "\n"))
		}
		return
	}
	p.line(depth, "%s:", key)
	for i := range v.Len() {
		one := v.Index(i)
		p.line(depth+1, "%s:", text(one.FieldByName("Name").String()))
		if _, isMachine := one.Interface().(spec.AirConditioner); isMachine {
			for _, part := range flow(one) {
				p.line(depth+2, "%s", part)
			}
			continue
		}
		p.section(depth+2, one)
	}
}

// example is what a section may hold that holds nothing.
func example(key string) string {
	switch key {
	case "boxes":
		return `rack-1: {address: 10.0.0.11, community: "file:/etc/overcloud/rack-1.community"}
rack-2:
  address: 10.0.0.12:161
  user: overcloud
  auth: SHA-256
  auth-password: file:/etc/overcloud/rack-2.auth
  privacy: AES
  privacy-password: file:/etc/overcloud/rack-2.privacy
`
	case "rooms":
		return `server-room:
  title: Server room
  boxes: [rack-1, rack-2, pi-1]
  sensors:
    - {id: 1, name: rack A inlet, source: "w1:28-0000075f1c2d", box: pi-1}
    - {id: 2, name: rack B inlet, source: "iio:dht11@4", box: pi-1}
    - {id: 3, name: ac1 supply, source: "w1:28-00000aa31f77", box: pi-1, role: supply}
  air-conditioners:
    ac1: {remote: lg, transmitter: /dev/lirc0, receiver: /dev/lirc1, supply: 3, box: pi-1, min: 18, max: 30}
  policy: {band-low: 25, band-high: 26.5, fail-cold: 22}
`
	}
	return ""
}

// scalar is one value, or a list of them, as YAML.
func scalar(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		return scalar(v.Elem()) // nil ones are zero, and left out
	}
	switch value := v.Interface().(type) {
	case Secret:
		return secret(value)
	case spec.Duration:
		return short(value)
	case fmt.Stringer:
		return value.String()
	}
	switch v.Kind() {
	case reflect.String:
		return text(v.String())
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case reflect.Slice:
		if v.IsNil() {
			return "" // not given, which is not the same as none
		}
		var items []string
		for i := range v.Len() {
			items = append(items, scalar(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// secret shows references and the one community that is none.
func secret(s Secret) string {
	if s == "" || s == "public" || s.isReference() {
		return text(string(s))
	}
	return `"" # written in the open, not shown`
}

// short writes 5m instead of 5m0s.
func short(d spec.Duration) string {
	text := d.String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}

// text is a string as YAML: quoted unless it is plainly a word.
func text(s string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
	plain := s != "" && strings.Trim(s, letters) == ""
	first := s
	if plain {
		first = s[:1]
	}
	reserved := []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
	if !plain || strings.ContainsAny(first, "-.0123456789") || slices.Contains(reserved, strings.ToLower(s)) {
		return strconv.Quote(s)
	}
	return s
}

// Table is every setting with its default and what it is, as a table in Markdown.
func Table(s Settings) string {
	var b strings.Builder
	b.WriteString("| setting | default | environment | what it is |\n|---|---|---|---|\n")
	rows(&b, "", reflect.ValueOf(s))
	rows(&b, "boxes.NAME", reflect.ValueOf(freshBox("NAME")))
	return b.String()
}

func rows(b *strings.Builder, path string, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		at := join(path, keyOf(t, f))
		switch {
		case keyOf(t, f) == "":
		case f.Type.Kind() == reflect.Struct:
			rows(b, at, v.Field(i))
		default:
			is := scalar(v.Field(i))
			if named(f.Type) {
				is = "none"
			}
			if is == `""` || is == "[]" || is == "" {
				is = ""
			} else {
				is = "`" + is + "`"
			}
			variable := f.Tag.Get("env")
			if variable != "" {
				variable = "`" + variable + "`"
			}
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", at, is, variable, f.Tag.Get("about"))
		}
	}
}
