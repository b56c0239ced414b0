package literal

import (
	"strings"
	"unicode/utf16"
)

// value is one node of a Python literal. Kinds that JSON does not have are
// kept until the whole text has parsed: only then is it known to be a literal
// that must be refused, and not just text that begins like one.
type value struct {
	kind  kind
	json  string  // constants and numbers: their JSON text
	runes []rune  // strings: code points, lone surrogates included
	items []value // sequences; for dicts keys and values in turn
	text  string  // what stands in the source, for errors
}

type kind int

const (
	constant kind = iota // None, True, False or a number
	str
	sequence // list or tuple
	dict
	set
	bytesText
	complexNumber
	notFinite // NaN, Infinity
)

func (v value) appendJSON(b *strings.Builder) error {
	switch v.kind {
	case constant:
		b.WriteString(v.json)
	case str:
		appendString(b, v.runes)
	case sequence:
		return v.appendSequence(b)
	case dict:
		return v.appendDict(b)
	case set:
		return refused(v.text, "a set is not JSON; write a list: [...]")
	case bytesText:
		return refused(v.text, "bytes are not JSON; write a string without the b, or base64")
	case complexNumber:
		return refused(v.text, "a complex number is not JSON")
	case notFinite:
		return refused(v.text, "%s is not JSON; use null, or quote it to send it as text", v.text)
	}
	return nil
}

func (v value) appendSequence(b *strings.Builder) error {
	b.WriteByte('[')
	for i, item := range v.items {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := item.appendJSON(b); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// appendDict writes each key once: as in Python the last value of a key that
// occurs twice counts, in the place of the first.
func (v value) appendDict(b *strings.Builder) error {
	place := map[string]int{}
	var names []string
	var values []value
	for i := 0; i < len(v.items); i += 2 {
		key := v.items[i]
		if key.kind != str {
			return refused(key.text, "the keys of an object must be strings in JSON; quote it: %q", key.text)
		}
		var quoted strings.Builder
		appendString(&quoted, key.runes)
		name := quoted.String()
		if at, ok := place[name]; ok {
			values[at] = v.items[i+1]
			continue
		}
		place[name] = len(names)
		names = append(names, name)
		values = append(values, v.items[i+1])
	}
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name)
		b.WriteString(": ")
		if err := values[i].appendJSON(b); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// appendString writes a JSON string. Surrogates cannot stand in UTF-8, so they
// are escaped; that is also how Python writes them.
func appendString(b *strings.Builder, runes []rune) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	for _, r := range runes {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || utf16.IsSurrogate(r):
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&0xf])
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
