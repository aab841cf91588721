using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Kernels;

/// <summary>Weights that are divided by their sum.</summary>
internal static class WeightSum
{
    /// <summary>What is wrong with the weights of a tensor's models.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="flag">The flag that asks for the division; <see langword="null"/>: it is always made.</param>
    public static string? Conflict(TensorContext context, string? flag) =>
        (flag is null || context.Flag(flag))
            && context.ModelIndices() is { Length: > 0 } models
            && models.Sum(i => context.Inputs[i][SharedParameters.Weight]) == 0
            ? $"the models' weights sum to zero, and are to be divided by their sum. Give other "
                + $"weights{(flag is null ? "" : $", or set {flag} to false")}."
            : null;
}
