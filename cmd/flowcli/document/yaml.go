package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// WriteYAML writes the same document as WriteJSON does, as YAML. It is made
// from the JSON text, so that numbers keep their digits.
func WriteYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := encode(&text, v); err != nil {
		return err
	}
	d := json.NewDecoder(&text)
	d.UseNumber()
	node, err := yamlNode(d)
	if err != nil {
		return err
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(node); err != nil {
		return err
	}
	return e.Close()
}

// yamlNode reads the next JSON value.
func yamlNode(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return collection(d, &yaml.Node{Kind: yaml.SequenceNode})
		}
		return collection(d, &yaml.Node{Kind: yaml.MappingNode})
	case string:
		return stringNode(t), nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: t.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(t)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

// collection reads items, or names and values in turn, up to the end.
func collection(d *json.Decoder, into *yaml.Node) (*yaml.Node, error) {
	for d.More() {
		item, err := yamlNode(d)
		if err != nil {
			return nil, err
		}
		into.Content = append(into.Content, item)
	}
	if len(into.Content) == 0 {
		into.Style = yaml.FlowStyle
	}
	_, err := d.Token()
	return into, err
}

// stringNode quotes what an older YAML reader would take for a truth value or
// for a number to the base of sixty.
func stringNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off":
		n.Style = yaml.DoubleQuotedStyle
	}
	if digits := strings.Trim(s, "0123456789"); strings.HasPrefix(digits, ":") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
