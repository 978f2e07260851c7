"""What a host without internet needs to become a measured one, in one archive or package."""
