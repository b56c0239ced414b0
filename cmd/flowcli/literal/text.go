package literal

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// isPrefix says whether a word may stand before a string's quote. An f-string
// is code, not a literal.
func isPrefix(word string) bool {
	switch strings.ToLower(word) {
	case "r", "u", "b", "rb", "br":
		return true
	}
	return false
}

// strings reads one string or several in a row, which Python joins.
func (p *parser) strings() (value, error) {
	start := p.pos
	var v value
	for first := true; ; first = false {
		runes, isBytes, ok := p.oneString()
		if !ok {
			return value{}, errNotLiteral
		}
		k := str
		if isBytes {
			k = bytesText
		}
		if !first && k != v.kind {
			return value{}, errNotLiteral // Python does not join the two
		}
		v.kind = k
		v.runes = append(v.runes, runes...)
		v.text = p.src[start:p.pos]
		mark := p.pos
		p.blanks()
		if !p.atString() {
			p.pos = mark
			return v, nil
		}
	}
}

// atString says whether a string begins here.
func (p *parser) atString() bool {
	rest := p.src[p.pos:]
	end := strings.IndexAny(rest, `"'`)
	return end == 0 || end > 0 && end <= 2 && isPrefix(rest[:end])
}

// oneString reads a prefix, quotes and what stands between.
func (p *parser) oneString() (runes []rune, isBytes, ok bool) {
	open := p.pos + strings.IndexAny(p.src[p.pos:], `"'`)
	prefix := strings.ToLower(p.src[p.pos:open])
	quote := p.src[open : open+1]
	triple := strings.HasPrefix(p.src[open:], strings.Repeat(quote, 3))
	if triple {
		quote = strings.Repeat(quote, 3)
	}
	p.pos = open + len(quote)
	raw := strings.Contains(prefix, "r")
	isBytes = strings.Contains(prefix, "b")
	for p.pos < len(p.src) {
		rest := p.src[p.pos:]
		switch {
		case strings.HasPrefix(rest, quote):
			p.pos += len(quote)
			return runes, isBytes, true
		case rest[0] == '\\':
			more, ok := p.escape(raw, isBytes)
			if !ok {
				return nil, false, false
			}
			runes = append(runes, more...)
		case rest[0] == '\n' || rest[0] == '\r':
			if !triple {
				return nil, false, false
			}
			p.lineBreak()
			runes = append(runes, '\n')
		default:
			r, size := utf8.DecodeRuneInString(rest)
			if r == 0 || isBytes && r >= utf8.RuneSelf {
				return nil, false, false
			}
			p.pos += size
			runes = append(runes, r)
		}
	}
	return nil, false, false
}

// lineBreak skips one line break; Python reads all three kinds as \n.
func (p *parser) lineBreak() {
	if strings.HasPrefix(p.src[p.pos:], "\r\n") {
		p.pos++
	}
	p.pos++
}

var simpleEscapes = map[byte]rune{
	'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f',
	'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// escape reads a backslash and what belongs to it. An escape that Python does
// not know stands for itself, backslash included.
func (p *parser) escape(raw, isBytes bool) ([]rune, bool) {
	p.pos++
	if p.pos >= len(p.src) {
		return nil, false
	}
	c := p.src[p.pos]
	if raw {
		return p.rawEscape(c), true
	}
	if r, ok := simpleEscapes[c]; ok {
		p.pos++
		return []rune{r}, true
	}
	switch {
	case c == '\n' || c == '\r':
		p.lineBreak()
		return nil, true
	case c >= '0' && c <= '7':
		return p.octal(), true
	case c == 'x':
		return p.hex(2)
	case c == 'u' && !isBytes:
		return p.hex(4)
	case c == 'U' && !isBytes:
		return p.hex(8)
	case c == 'N' && !isBytes:
		return nil, false // names of characters are not known here
	}
	return []rune{'\\'}, true
}

// rawEscape keeps the backslash, and the quote or backslash that it protects.
func (p *parser) rawEscape(c byte) []rune {
	switch c {
	case '\\', '\'', '"':
		p.pos++
		return []rune{'\\', rune(c)}
	case '\n', '\r':
		p.lineBreak()
		return []rune{'\\', '\n'}
	}
	return []rune{'\\'}
}

func (p *parser) octal() []rune {
	end := p.pos
	for end < len(p.src) && end < p.pos+3 && p.src[end] >= '0' && p.src[end] <= '7' {
		end++
	}
	n, _ := strconv.ParseUint(p.src[p.pos:end], 8, 32)
	p.pos = end
	return []rune{rune(n)}
}

// hex reads the digits after \x, \u or \U.
func (p *parser) hex(digits int) ([]rune, bool) {
	start := p.pos + 1
	if start+digits > len(p.src) {
		return nil, false
	}
	n, err := strconv.ParseUint(p.src[start:start+digits], 16, 32)
	if err != nil || n > utf8.MaxRune {
		return nil, false
	}
	p.pos = start + digits
	return []rune{rune(n)}, true
}
