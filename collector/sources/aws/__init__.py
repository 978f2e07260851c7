"""AWS, its regions in China included: CloudWatch, EC2, EBS and Cost Explorer."""
