package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// chart is a drawing of lines over two axes, either of which may be logarithmic.
type chart struct {
	title, x, y string
	logX, logY  bool
	lines       []line
}

type line struct {
	name   string
	points []point // by rising x
}

type point struct{ x, y float64 }

// The measures of a drawing, in pixels.
const (
	width, height            = 720.0, 400.0
	left, right, top, bottom = 70.0, 200.0, 40.0, 50.0
	ticks                    = 5
)

var colours = []string{"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"}

// axis maps values to pixels.
type axis struct {
	low, high float64
	log       bool
	from, to  float64
}

func newAxis(values []float64, log bool, from, to float64) axis {
	a := axis{math.Inf(1), math.Inf(-1), log, from, to}
	for _, v := range values {
		a.low, a.high = min(a.low, v), max(a.high, v)
	}
	if log {
		a.low, a.high = math.Pow(10, math.Floor(math.Log10(a.low))), math.Pow(10, math.Ceil(math.Log10(a.high)))
	} else {
		a.low = 0
	}
	if a.high <= a.low {
		a.high = a.low + 1
		if log {
			a.high = a.low * 10
		}
	}
	return a
}

func (a axis) at(v float64) float64 {
	part := (v - a.low) / (a.high - a.low)
	if a.log {
		part = math.Log10(v/a.low) / math.Log10(a.high/a.low)
	}
	return a.from + part*(a.to-a.from)
}

func (a axis) ticks() (all []float64) {
	if a.log {
		for v := a.low; v <= a.high*1.001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := math.Pow(10, math.Floor(math.Log10(a.high/ticks)))
	for _, times := range []float64{5, 2} {
		if a.high/(step*times) >= ticks-1 {
			step *= times
			break
		}
	}
	for v := a.low; v <= a.high*1.001; v += step {
		all = append(all, v)
	}
	return all
}

// write draws the chart as SVG. Values of a logarithmic axis must be above 0.
func (c chart) write(to io.Writer) error {
	var xs, ys []float64
	for _, l := range c.lines {
		for _, p := range l.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	x, y := newAxis(xs, c.logX, left, width-right), newAxis(ys, c.logY, height-bottom, top)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	text := func(px, py float64, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", px, py, anchor, html.EscapeString(s))
	}
	rule := func(x1, y1, x2, y2 float64) {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", x1, y1, x2, y2)
	}
	for _, v := range x.ticks() {
		rule(x.at(v), top, x.at(v), height-bottom)
		text(x.at(v), height-bottom+16, "middle", number(v))
	}
	for _, v := range y.ticks() {
		rule(left, y.at(v), width-right, y.at(v))
		text(left-6, y.at(v)+4, "end", number(v))
	}
	text(left, top-16, "start", c.title)
	text((left+width-right)/2, height-12, "middle", c.x)
	fmt.Fprintf(&b, `<text transform="translate(16 %.1f) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+height-bottom)/2, html.EscapeString(c.y))
	for i, l := range c.lines {
		colour := colours[i%len(colours)]
		var path []string
		for _, p := range l.points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x.at(p.x), y.at(p.y)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(p.x), y.at(p.y), colour)
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(path, " "), colour)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="10" height="10" fill="%s"/>`+"\n", width-right+12, top+18*float64(i), colour)
		text(width-right+28, top+18*float64(i)+9, "start", l.name)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(to, b.String())
	return err
}

func number(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%gk", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}
