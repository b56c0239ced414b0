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

// How short the cells of a column may become: before columns are left out, and
// where that is not enough.
const (
	roomy = 40
	tight = 24
)

// Fit gives a table that is no wider than so many columns, as far as that can
// be had by leaving out what matters least: parts of ids and of times first,
// then the ends of long texts, then columns. full: nothing was left out.
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
	t = t.squeezed(columns, roomy)
	for _, name := range expendable {
		if i := slices.Index(t.Header, name); t.width() > columns && i >= 0 && len(t.Header) > 1 {
			t = t.without(i)
		}
	}
	return t.squeezed(columns, tight), false
}

// squeezed cuts off the ends of the longest cells, but none below least.
func (t Table) squeezed(columns, least int) Table {
	for t.width() > columns {
		widths := t.widths()
		widest := slices.Max(widths)
		if widest <= least {
			break
		}
		column := slices.Index(widths, widest)
		room := max(least, widest-(t.width()-columns))
		if t = t.cut(column, room); t.widths()[column] >= widest { // its name is that long
			break
		}
	}
	return t
}

// cut ends the longer cells of a column with an ellipsis.
func (t Table) cut(column, room int) Table {
	rows := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = slices.Clone(row)
		rows[i][column] = ended(oneLine(row[column]), room)
	}
	t.Rows = rows
	return t
}

// ended is a text in so many columns.
func ended(text string, room int) string {
	if Width(text) <= room {
		return text
	}
	end, taken := 0, 1 // the ellipsis
	for i, r := range text {
		if taken += Width(string(r)); taken > room {
			break
		}
		end = i + len(string(r))
	}
	return text[:end] + "…"
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
