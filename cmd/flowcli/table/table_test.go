package table

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTables(t *testing.T) {
	for name, table := range map[string]Table{
		"calls": {
			Header: []string{"Page", "Row", "Name", "ID", "Owner", "Last Updated", "Socket", "Started", "Finished", "State"},
			Rows: [][]string{
				{"1", "1", "pyfi.processors.sample.do_this", "e3f73300-f3fd-4230-ba11-258d4f5a17f4", "postgres", "2021-09-13 19:30:19.933346", "pyfi.processors.sample.do_this", "2021-09-13 19:30:19.903573", "2021-09-13 19:30:19.932491", "finished"},
				{"1", "10", "pyfi.processors.sample.do_something", "707f18c5-5708-4c70-81fb-ca0afb30e28b", "postgres", "2021-09-13 19:28:19.789542", "pyfi.processors.sample.do_something", "2021-09-13 19:28:19.764792", "2021-09-13 19:28:19.788999", "finished"},
			},
		},
		"user": {
			Header: []string{"Name", "ID", "Owner", "Email"},
			Rows:   [][]string{{"joe", "a8dcf9bb-c821-4d44-82f5-828dceb4cb23", "postgres", "joe@xyz"}},
		},
		"absent":    {Header: []string{"Task", "Task Parent"}, Rows: [][]string{{"a13ba1e7", ""}}},
		"empty":     {Header: []string{"Name", "ID"}},
		"wide":      {Header: []string{"Name", "Note"}, Rows: [][]string{{"日本語", "é\u0301"}, {"a", "two\nlines\x1b[2J"}}},
		"unchanged": {Header: []string{"Name"}, Rows: [][]string{{"a"}}, Paint: func(header, cell string) string { return cell }},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := table.Write(&b); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || b.String() != string(want) {
				t.Errorf("got\n%swant\n%s%v", b.String(), want, err)
			}
		})
	}
}

func TestColourTakesNoRoom(t *testing.T) {
	rows := [][]string{{"failed"}, {"x"}}
	var plain, painted strings.Builder
	Table{Header: []string{"State"}, Rows: rows}.Write(&plain)
	Table{Header: []string{"State"}, Rows: rows, Paint: func(_, cell string) string {
		return "\x1b[31m" + cell + "\x1b[0m"
	}}.Write(&painted)
	if got := strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "").Replace(painted.String()); got != plain.String() {
		t.Errorf("painted\n%splain\n%s", got, plain.String())
	}
}
