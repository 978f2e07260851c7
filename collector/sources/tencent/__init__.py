"""腾讯云 (Tencent Cloud)."""
