"""Names learned from what people said of pictures: lessons <- fit <- learn."""
