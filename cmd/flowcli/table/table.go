// Package table draws boxes of centred cells.
package table

import (
	"io"
	"strings"
)

// None is what stands for a value that is absent.
const None = "None"

// Table is a header and rows of the same length.
type Table struct {
	Header []string
	Rows   [][]string
	// Paint may colour a cell; what it adds must take no room. nil: plain.
	Paint func(header, cell string) string
}

// Write draws the table. An empty cell is None.
func (t Table) Write(w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	line(&b, widths)
	t.row(&b, widths, t.Header, false)
	line(&b, widths)
	for _, row := range t.Rows {
		t.row(&b, widths, row, true)
	}
	if len(t.Rows) > 0 {
		line(&b, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func line(b *strings.Builder, widths []int) {
	b.WriteByte('+')
	for _, width := range widths {
		b.WriteString(strings.Repeat("-", width+2))
		b.WriteByte('+')
	}
	b.WriteByte('\n')
}

func (t Table) row(b *strings.Builder, widths []int, cells []string, paint bool) {
	b.WriteByte('|')
	for i, cell := range cells {
		cell = oneLine(cell)
		left, right := centre(Width(cell), widths[i])
		if paint && t.Paint != nil {
			cell = t.Paint(t.Header[i], cell)
		}
		b.WriteString(strings.Repeat(" ", left+1))
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", right+1))
		b.WriteByte('|')
	}
	b.WriteByte('\n')
}

// centre shares out the room beside a cell. When it does not divide by two,
// the odd blank stands right of an odd cell and left of an even one, so that
// cells of one column line up.
func centre(cell, width int) (left, right int) {
	left = (width - cell) / 2
	right = width - cell - left
	if left != right && cell%2 == 0 {
		left, right = right, left
	}
	return left, right
}

// oneLine keeps a cell in its row, and lets nothing in it move the cursor.
func oneLine(cell string) string {
	if cell == "" {
		return None
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, cell)
}
