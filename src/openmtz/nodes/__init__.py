"""The ROS 2 nodes: the only place that imports rclpy. Thin: convert, call the domain, convert."""
