package spread

import (
	"strings"
	"testing"
)

func TestNumbersThatWouldArriveAsInfinityAreRefused(t *testing.T) {
	long := strings.Repeat("9", 5000)
	for _, text := range []string{"1e308", "-1.5E+300", "1e-999", long, "-" + long, `"1e999"`, `{"1e999":[true, 1e5, "\"1e999"]}`, "0." + long, "1.7976931348623157e308"} {
		if got, err := Value([]byte(text)); err != nil || string(got) != text {
			t.Errorf("%.40s: %v", text, err)
		}
	}
	for _, text := range []string{"1e999", "-1e309", `[1, {"a": [2, 1E400]}]`, long + ".0", "1.8e308"} {
		if _, err := Value([]byte(text)); err == nil || !strings.Contains(err.Error(), "infinity") {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}
