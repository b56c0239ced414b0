// Package document writes what the API gave as JSON or YAML, members in a
// fixed order and every number as it came.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Object is a JSON object whose members keep their order.
type Object []Member

// Member is one name and value of an object.
type Member struct {
	Name  string
	Value any // string, number, bool, nil, json.RawMessage, Object or a slice of them
}

// MarshalJSON writes the members in order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encode(&b, m.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := encode(&b, m.Value); err != nil {
			return nil, fmt.Errorf("write %s: %w", m.Name, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode writes JSON without the escapes that are meant for HTML.
func encode(b *bytes.Buffer, v any) error {
	if raw, ok := v.(json.RawMessage); ok {
		return json.Compact(b, raw)
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder ends with a line break
	return nil
}

// WriteJSON writes a document, indented, with a line break at its end.
func WriteJSON(w io.Writer, v any) error {
	text, err := indented(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

func indented(v any) ([]byte, error) {
	var compact, out bytes.Buffer
	if err := encode(&compact, v); err != nil {
		return nil, err
	}
	if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
