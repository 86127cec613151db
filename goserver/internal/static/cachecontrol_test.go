package static

import "testing"

func TestCacheControl(t *testing.T) {
	for rule, names := range map[string][]string{
		revalidate: {"index.html", "a/b.HTM", "app.3f9a1c2b.html", "x.xhtml"},
		forever: {
			"app.3f9a1c2b.js", "assets/app-BxY12abC.css", "main.8d3f4b2c.chunk.js", "main.8d3f4b2c.chunk.css.map", "app-7QKX3ZB2.js", "runtime.0a1b2c3d4e5f6a7b8c9d.js",
			"application-908e25f4bf641868d8683022a5b62f54908e25f4bf641868d8683022a5b62f54.css", "logo-DyXk9abC.svg", "app.55e7cbb9ba48.css", "app.55e7cbb9ba48.min.js", "inter-latin-1a2b3c4d.woff2",
			"vendor.chunk-1a2b3c4d.js",
		},
		hour: {
			"app.js", "style.css", "jquery-3.6.0.min.js", "bootstrap-responsive.css", "photo-20240101.jpg", "photo-20240101a.jpg", "x-IMG20240101.jpg", "hero-iPhone14.jpg",
			"docs-Win32API.js", "team-McDonald.png", "DSC00012.jpg", "a-DSC00012.jpg", "deadbeef.js", "x.deadbeef.js", "3f9a1c2b.js", "avatar-550e8400-e29b-41d4-a716-446655440a0b.png",
			"avatar-507f1f77bcf86cd799439011.png", "file-1a2b3c4d.pdf", "app.3f9a1c2b", "robots.txt", "roboto-v20-latin.woff2", "1a2b3c4d/app.js", "release-1.2.3.4.js", "x-12345678.js", "data", "app.3f9a1c2bz.js",
		},
	} {
		for _, name := range names {
			if got := CacheControl(name); got != rule {
				t.Errorf("%s: %q, want %q", name, got, rule)
			}
		}
	}
}
