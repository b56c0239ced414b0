package sim

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"

	"gopkg.in/yaml.v3"

	"github.com/elasticcode/flow/sim/twin"
)

//go:embed flow.yaml
var usualFlow []byte

// ReadFlow reads the network and the calls that somebody wrote down.
func ReadFlow(path string) (*twin.Flow, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := ParseFlow(text)
	if err != nil {
		return nil, fmt.Errorf("read the flow %s: %w", path, err)
	}
	return f, nil
}

// ParseFlow reads what ReadFlow reads, from a text.
func ParseFlow(text []byte) (*twin.Flow, error) {
	var f twin.Flow
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	for i := range f.Plugs {
		if f.Plugs[i].Type == "" {
			f.Plugs[i].Type = "RESULT"
		}
	}
	return &f, f.Validate()
}
