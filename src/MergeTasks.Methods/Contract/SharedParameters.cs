namespace MergeTasks.Methods.Contract;

/// <summary>
/// Names of the parameters that mean the same in every method that has them, so that others than the method may read and set them.
/// </summary>
internal static class SharedParameters
{
    /// <summary>How much of a model goes into the merge.</summary>
    public const string Weight = "weight";

    /// <summary>The share of a model's change that is kept.</summary>
    public const string Density = "density";
}
