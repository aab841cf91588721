namespace MergeTasks.Numerics.Products;

/// <summary>How the elements of a weight lie in memory; all arithmetic on them is fp32.</summary>
internal enum WeightFormat
{
    /// <summary>IEEE 754 binary32, 4 bytes.</summary>
    Float32,

    /// <summary>The upper half of a binary32, 2 bytes.</summary>
    BFloat16,

    /// <summary>IEEE 754 binary16, 2 bytes.</summary>
    Float16,
}
