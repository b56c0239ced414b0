package spread

import (
	"strings"
	"testing"
)

func BenchmarkData(b *testing.B) {
	for name, text := range map[string]string{
		"text":   `"some data that is about this long"`,
		"list":   `["some data", 1, {"of": ["several", "kinds"]}]`,
		"object": `{"first": "some data", "second": [1, 2, 3], "third": null}`,
		"100KiB": `"` + strings.Repeat("x", 100<<10) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Data([]byte(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
