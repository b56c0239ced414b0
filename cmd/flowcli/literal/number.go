package literal

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The forms of Python's numbers. Leading zeros are not allowed, save for zero
// itself, so 007 is no number but text.
var (
	wholeNumber = regexp.MustCompile(`^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*|0(?:_?0)*)`)
	floatNumber = regexp.MustCompile(`^(?:(?:[0-9](?:_?[0-9])*)?\.[0-9](?:_?[0-9])*|[0-9](?:_?[0-9])*\.?)(?:[eE][+-]?[0-9](?:_?[0-9])*)?`)
)

// number reads a number with its sign, and refuses to see two numbers with a
// sign between as anything but a complex one.
func (p *parser) number() (value, error) {
	start := p.pos
	v, imaginary, err := p.signed()
	if err != nil {
		return value{}, err
	}
	if imaginary {
		return value{kind: complexNumber, text: p.src[start:p.pos]}, nil
	}
	mark := p.pos
	p.blanks()
	if c := p.peek(); c == '+' || c == '-' {
		p.pos++
		p.blanks()
		if _, imaginary, err := p.unsigned(); err != nil || !imaginary {
			return value{}, errNotLiteral
		}
		return value{kind: complexNumber, text: p.src[start:p.pos]}, nil
	}
	p.pos = mark
	return v, nil
}

// signed reads a number that may have one sign, with blanks between.
func (p *parser) signed() (value, bool, error) {
	start := p.pos
	sign := p.peek()
	if sign != '+' && sign != '-' {
		return p.unsigned()
	}
	p.pos++
	p.blanks()
	for _, word := range []string{"NaN", "Infinity", "nan", "inf"} {
		if rest := p.src[p.pos:]; strings.HasPrefix(rest, word) && !startsWord(rest[len(word):]) {
			p.pos += len(word)
			return value{kind: notFinite, text: p.src[start:p.pos]}, false, nil
		}
	}
	v, imaginary, err := p.unsigned()
	if err != nil {
		return value{}, false, err
	}
	if sign == '-' {
		v.json = "-" + v.json
	}
	v.text = p.src[start:p.pos]
	return v, imaginary, nil
}

// unsigned reads digits. imaginary says that a j follows.
func (p *parser) unsigned() (v value, imaginary bool, err error) {
	rest := p.src[p.pos:]
	whole := wholeNumber.FindString(rest)
	float := floatNumber.FindString(rest)
	digits := whole
	if len(float) > len(whole) {
		digits = float
	}
	if digits == "" {
		return value{}, false, errNotLiteral
	}
	p.pos += len(digits)
	after := p.src[p.pos:]
	if after != "" && (after[0] == 'j' || after[0] == 'J') {
		p.pos++
		imaginary, after = true, after[1:]
	}
	if startsWord(after) {
		return value{}, false, errNotLiteral
	}
	v = value{kind: constant, text: digits}
	switch {
	case imaginary:
	case len(float) > len(whole):
		if !strings.ContainsAny(float, ".eE") {
			return value{}, false, errNotLiteral // leading zeros
		}
		v.json = floatJSON(float)
		if _, err := strconv.ParseFloat(v.json, 64); err != nil {
			v = value{kind: notFinite, text: digits}
		}
	default:
		v.json = wholeJSON(whole)
	}
	return v, imaginary, nil
}

// wholeJSON gives the decimal digits of a whole number of any size.
func wholeJSON(digits string) string {
	digits = strings.ReplaceAll(digits, "_", "")
	if len(digits) > 1 && digits[0] == '0' {
		n, _ := new(big.Int).SetString(digits, 0)
		return n.String()
	}
	return digits
}

// floatJSON keeps a float as it was written, as far as JSON allows: both sides
// of the point need a digit, and no zeros may lead.
func floatJSON(digits string) string {
	digits = strings.ReplaceAll(digits, "_", "")
	mantissa, exponent := digits, ""
	if at := strings.IndexAny(digits, "eE"); at >= 0 {
		mantissa, exponent = digits[:at], digits[at:]
	}
	whole, fraction, point := strings.Cut(mantissa, ".")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if point && fraction == "" {
		fraction = "0"
	}
	if point {
		whole += "." + fraction
	}
	return whole + exponent
}

// startsWord says that a letter, digit or underscore comes next, so that what
// came before is not a number but the start of some text.
func startsWord(s string) bool {
	if s == "" {
		return false
	}
	c := s[0]
	return c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
