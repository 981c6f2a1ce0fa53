//! The engine: families compiled to block kernels; values, gradients, sparse Jacobians and Hessians, products.
