package literal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// parser reads the literals that Python's ast.literal_eval reads.
type parser struct {
	src   string
	pos   int
	depth int // open brackets; inside them a line break is a blank
}

// parse reads a whole text as one literal.
func parse(src string) (value, error) {
	p := &parser{src: src}
	p.depth++ // leading line breaks are blanks, as in a file
	p.blanks()
	p.depth--
	v, err := p.sequenceOr(func() bool { return p.done() })
	if err != nil {
		return value{}, err
	}
	p.depth++
	p.blanks()
	if p.pos < len(p.src) {
		return value{}, errNotLiteral
	}
	return v, nil
}

// done says that a line has ended, comments aside.
func (p *parser) done() bool {
	p.blanks()
	return p.pos >= len(p.src) || p.src[p.pos] == '\n'
}

// sequenceOr reads `a` as a, and `a,` or `a, b` as a tuple, until end says stop.
func (p *parser) sequenceOr(end func() bool) (value, error) {
	start := p.pos
	first, err := p.value()
	if err != nil {
		return value{}, err
	}
	if !p.take(',') {
		return first, nil
	}
	items := []value{first}
	for !end() {
		v, err := p.value()
		if err != nil {
			return value{}, err
		}
		items = append(items, v)
		if !p.take(',') {
			break
		}
	}
	return value{kind: sequence, items: items, text: p.src[start:p.pos]}, nil
}

// value reads one literal.
func (p *parser) value() (value, error) {
	p.blanks()
	if p.pos >= len(p.src) {
		return value{}, errNotLiteral
	}
	switch c := p.src[p.pos]; {
	case c == '[':
		return p.bracketed(p.list)
	case c == '(':
		return p.bracketed(p.tuple)
	case c == '{':
		return p.bracketed(p.dictOrSet)
	case c == '"' || c == '\'':
		return p.strings()
	case c == '+' || c == '-' || c == '.' || c >= '0' && c <= '9':
		return p.number()
	default:
		return p.word()
	}
}

// bracketed reads what stands between brackets, bounded in depth.
func (p *parser) bracketed(read func() (value, error)) (value, error) {
	if p.depth >= MaxDepth {
		return value{}, refused(p.src, "it nests deeper than %d", MaxDepth)
	}
	start := p.pos
	p.pos++
	p.depth++
	v, err := read()
	p.depth--
	if err != nil {
		return value{}, err
	}
	if v.kind != constant { // (1) is the number itself
		v.text = p.src[start:p.pos]
	}
	return v, nil
}

func (p *parser) list() (value, error) {
	items, err := p.items(']')
	return value{kind: sequence, items: items}, err
}

// tuple reads (), (a,), (a, b), and (a), which is just a.
func (p *parser) tuple() (value, error) {
	if p.take(')') {
		return value{kind: sequence}, nil
	}
	v, err := p.sequenceOr(func() bool { p.blanks(); return p.peek() == ')' })
	if err != nil {
		return value{}, err
	}
	if !p.take(')') {
		return value{}, errNotLiteral
	}
	return v, nil
}

// items reads values up to a closing bracket.
func (p *parser) items(closing byte) ([]value, error) {
	var items []value
	for !p.take(closing) {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		if !p.take(',') {
			if !p.take(closing) {
				return nil, errNotLiteral
			}
			break
		}
	}
	return items, nil
}

// dictOrSet tells the two apart by what follows the first value.
func (p *parser) dictOrSet() (value, error) {
	if p.take('}') {
		return value{kind: dict}, nil
	}
	first, err := p.value()
	if err != nil {
		return value{}, err
	}
	if !p.take(':') {
		return p.restOfSet(first)
	}
	v := value{kind: dict}
	for key := first; ; {
		item, err := p.value()
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, key, item)
		more := p.take(',')
		if p.take('}') {
			return v, nil
		}
		if !more {
			return value{}, errNotLiteral
		}
		if key, err = p.value(); err != nil {
			return value{}, err
		}
		if !p.take(':') {
			return value{}, errNotLiteral
		}
	}
}

func (p *parser) restOfSet(first value) (value, error) {
	if p.take('}') {
		return value{kind: set, items: []value{first}}, nil
	}
	if !p.take(',') {
		return value{}, errNotLiteral
	}
	items, err := p.items('}')
	return value{kind: set, items: append([]value{first}, items...)}, err
}

// word reads a name that stands for a value, or the prefix of a string.
func (p *parser) word() (value, error) {
	start := p.pos
	end := p.pos
	for end < len(p.src) {
		r, size := utf8.DecodeRuneInString(p.src[end:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		end += size
	}
	word := p.src[start:end]
	if end < len(p.src) && (p.src[end] == '"' || p.src[end] == '\'') && isPrefix(word) {
		return p.strings()
	}
	p.pos = end
	switch word {
	case "None":
		return value{kind: constant, json: "null", text: word}, nil
	case "True":
		return value{kind: constant, json: "true", text: word}, nil
	case "False":
		return value{kind: constant, json: "false", text: word}, nil
	case "NaN", "Infinity", "nan", "inf":
		return value{kind: notFinite, text: word}, nil
	case "set":
		if p.take('(') && p.take(')') {
			return value{kind: set, text: p.src[start:p.pos]}, nil
		}
	}
	return value{}, errNotLiteral
}

// take skips blanks and then one byte, if it is the wanted one.
func (p *parser) take(c byte) bool {
	p.blanks()
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

// peek is the next byte, or 0 at the end.
func (p *parser) peek() byte {
	if p.pos >= len(p.src) {
		return 0
	}
	return p.src[p.pos]
}

// blanks skips what Python skips: blanks, comments, joined lines, and line
// breaks inside brackets.
func (p *parser) blanks() {
	for p.pos < len(p.src) {
		rest := p.src[p.pos:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\f':
			p.pos++
		case (c == '\n' || c == '\r') && p.depth > 0:
			p.pos++
		case strings.HasPrefix(rest, "\\\n"):
			p.pos += 2
		case strings.HasPrefix(rest, "\\\r\n"):
			p.pos += 3
		case c == '#':
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				p.pos += end
			} else {
				p.pos = len(p.src)
			}
		default:
			return
		}
	}
}
