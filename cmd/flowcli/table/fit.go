package table

import (
	"regexp"
	"slices"
)

// expendable are columns that a narrow terminal does without, the least
// important first.
var expendable = []string{"Owner", "Last Updated", "Page", "Flow Parent", "Task Parent", "Parent", "Row", "Socket", "Started", "Finished", "Tracking"}

var (
	uuid  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	stamp = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d{6}$`)
)

// Fit gives a table that is no wider than so many columns, as far as that can
// be had by leaving out what matters least: parts of ids and of times first,
// then columns. full: nothing was left out.
func (t Table) Fit(columns int) (fitted Table, full bool) {
	if t.width() <= columns {
		return t, true
	}
	for _, shorten := range []func(string) string{
		func(cell string) string { return stamp.ReplaceAllString(cell, "$1") },
		func(cell string) string {
			if uuid.MatchString(cell) {
				return cell[:8] + "…" + cell[len(cell)-4:]
			}
			return cell
		},
	} {
		if t = t.each(shorten); t.width() <= columns {
			return t, false
		}
	}
	for _, name := range expendable {
		if i := slices.Index(t.Header, name); i >= 0 && len(t.Header) > 1 {
			if t = t.without(i); t.width() <= columns {
				break
			}
		}
	}
	return t, false
}

// width is how wide the table is drawn.
func (t Table) width() int {
	n := 1
	for _, w := range t.widths() {
		n += w + 3
	}
	return n
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Header))
	for i, name := range t.Header {
		widths[i] = Width(name)
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(oneLine(cell)))
		}
	}
	return widths
}

func (t Table) each(change func(string) string) Table {
	rows := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		for _, cell := range row {
			rows[i] = append(rows[i], change(cell))
		}
	}
	t.Rows = rows
	return t
}

func (t Table) without(column int) Table {
	cut := func(row []string) []string { return slices.Delete(slices.Clone(row), column, column+1) }
	t.Header = cut(t.Header)
	rows := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = cut(row)
	}
	t.Rows = rows
	return t
}
