package table

import (
	"slices"
	"strings"
	"testing"
)

func TestNarrowTableLeavesOutWhatMattersLeast(t *testing.T) {
	whole := Table{
		Header: []string{"Page", "Row", "Name", "ID", "Owner", "Last Updated", "Socket", "Started", "Finished", "State"},
		Rows: [][]string{{"1", "1", "sample.do_this", "e3f73300-f3fd-4230-ba11-258d4f5a17f4", "joe", "2021-09-13 19:30:19.933346", "sample.do_this",
			"2021-09-13 19:30:19.903573", "2021-09-13 19:30:19.932491", "finished"}},
	}
	before := slices.Clone(whole.Rows[0])
	for _, c := range []struct {
		columns int
		header  []string
		row     []string
	}{
		{300, whole.Header, before},
		{185, whole.Header, []string{"1", "1", "sample.do_this", "e3f73300-f3fd-4230-ba11-258d4f5a17f4", "joe", "2021-09-13 19:30:19", "sample.do_this",
			"2021-09-13 19:30:19", "2021-09-13 19:30:19", "finished"}},
		{120, []string{"Page", "Row", "Name", "ID", "Socket", "Started", "Finished", "State"}, []string{"1", "1", "sample.do_this", "e3f73300…17f4", "sample.do_this",
			"2021-09-13 19:30:19", "2021-09-13 19:30:19", "finished"}},
		{60, []string{"Name", "ID", "State"}, []string{"sample.do_this", "e3f73300…17f4", "finished"}},
		{10, []string{"Name", "ID", "State"}, []string{"sample.do_this", "e3f73300…17f4", "finished"}}, // it cannot be had
	} {
		got, full := whole.Fit(c.columns)
		if !slices.Equal(got.Header, c.header) || !slices.Equal(got.Rows[0], c.row) || full != (c.columns == 300) {
			t.Errorf("in %d columns: %v %v, whole: %v", c.columns, got.Header, got.Rows, full)
		}
		if got.width() > c.columns && c.columns > 10 {
			t.Errorf("in %d columns it has %d", c.columns, got.width())
		}
	}
	if !slices.Equal(whole.Rows[0], before) {
		t.Error("the table was changed")
	}
}

func TestLongTextsAreCutBeforeColumnsAreLeftOut(t *testing.T) {
	whole := Table{Header: []string{"Name", "Reason", "Owner"}, Rows: [][]string{{"s", strings.Repeat("日本", 40), "joe"}, {"s", "short", "joe"}}}
	for _, c := range []struct {
		columns int
		header  []string
		reason  string
	}{
		{100, whole.Header, strings.Repeat("日本", 40)[:6*20] + "…"},
		{40, []string{"Name", "Reason"}, strings.Repeat("日本", 40)[:3*14] + "…"},
		{20, []string{"Name", "Reason"}, strings.Repeat("日本", 40)[:3*11] + "…"}, // no shorter
	} {
		got, full := whole.Fit(c.columns)
		if full || !slices.Equal(got.Header, c.header) || got.Rows[0][1] != c.reason || got.Rows[1][1] != "short" || c.columns > 20 && got.width() > c.columns {
			t.Errorf("in %d columns, of which it takes %d: %v %v", c.columns, got.width(), got.Header, got.Rows)
		}
	}
	long := Table{Header: []string{strings.Repeat("n", 50)}, Rows: [][]string{{strings.Repeat("v", 60)}}}
	if got, _ := long.Fit(20); got.Rows[0][0] != strings.Repeat("v", 23)+"…" {
		t.Errorf("below a long name: %q", got.Rows[0][0])
	}
}
