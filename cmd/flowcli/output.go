package main

import (
	"fmt"
	"time"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/cmd/flowcli/table"
	"github.com/elasticcode/flow/messages"
)

// What -o takes.
const (
	asJSON = "json"
	asYAML = "yaml"
	asWide = "wide"
)

// structured says that a program reads the output.
func (c *cli) structured() bool { return c.output != "" }

// write puts a document on stdout in the form that was asked for.
func (c *cli) write(v any) error {
	if c.output == asYAML {
		return document.WriteYAML(c.out, v)
	}
	return document.WriteJSON(c.out, v)
}

// table puts a table on stdout: on a terminal no wider than that, unless all of
// it was asked for.
func (c *cli) table(header []string, rows [][]string) error {
	t := table.Table{Header: header, Rows: rows}
	if columns := c.columns(); columns > 0 && !c.wide {
		full := true
		if t, full = t.Fit(columns); !full && !c.cut {
			c.cut = true
			defer c.notef("this terminal is too narrow for all of it: -o wide shows all of it")
		}
	}
	if c.colourful(c.out) {
		t.Paint = paintState
	}
	return t.Write(c.out)
}

// titled puts a table below its title.
func (c *cli) titled(title string, header []string, rows [][]string) error {
	fmt.Fprintln(c.out, title)
	return c.table(header, rows)
}

// timeLayout is how times are written: UTC, to the microsecond.
const timeLayout = "2006-01-02 15:04:05.000000"

// clock writes a time in microseconds; no time is empty.
func clock(micros int64) string {
	if micros == 0 {
		return ""
	}
	return time.UnixMicro(micros).UTC().Format(timeLayout)
}

// orNull is a text, or null for none.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// outputFlag is the value of -o.
type outputFlag struct {
	to   *string
	wide *bool
}

func (f outputFlag) String() string { return "" }
func (f outputFlag) Type() string   { return "json|yaml|wide" }
func (f outputFlag) Set(s string) error {
	*f.wide = s == asWide
	switch s {
	case asJSON, asYAML:
		*f.to = s
	case "table", "text", asWide:
		*f.to = ""
	default:
		return messages.Errorf(messages.Invalid, "", "", "the output is wide, json, yaml or table")
	}
	return nil
}
