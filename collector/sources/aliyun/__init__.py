"""阿里云 Alibaba Cloud: CloudMonitor, ECS, VPC and bills (reference documents of its OpenAPI)."""
