"""华为云 (Huawei Cloud)."""
