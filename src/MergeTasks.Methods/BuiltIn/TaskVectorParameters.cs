using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>The parameters that the methods on task vectors share.</summary>
internal static class TaskVectorParameters
{
    /// <summary>Of the breadcrumbs methods.</summary>
    public static ParameterDeclaration Gamma { get; } =
        new(
            "gamma", 0.01, "Share of the delta's elements, the largest ones, that are dropped.")
        {
            PerModel = true,
            Minimum = 0,
            Maximum = 1
        };

    /// <summary>Of the DELLA methods.</summary>
    public static ParameterDeclaration Epsilon { get; } =
        new(
            "epsilon",
            0.15,
            "How far the probability of being kept lies from the density for a row's smallest (below) and largest (above) element.")
        {
            PerModel = true,
            Minimum = 0,
            Maximum = 1
        };

    /// <summary>Of the methods that elect signs.</summary>
    public static ParameterDeclaration PaperElection { get; } = new("paper_election", 0,
        "Elect signs as the TIES paper does: without the weights, and where deltas cancel out the sign that most elements of the tensor "
            + "have.")
    {
        IsFlag = true,
    };

    /// <summary>Of the methods that drop at random.</summary>
    public static ParameterDeclaration RescaleByProbability { get; } = new("rescale_by_probability", 0,
        "Rescale as the DARE and DELLA papers do: divide each element that is kept by its probability of being kept, and leave norms "
            + "alone.")
    {
        IsFlag = true,
    };

    /// <summary>What is wrong with options that mergekit lacks.</summary>
    public static string? Conflict(TensorContext context)
    {
        foreach (var option in new[] { PaperElection, RescaleByProbability })
        {
            if (context.CompatibleDType is not null && context.Parameters.GetValueOrDefault(option.Name) != 0)
                return $"mergekit has no '{option.Name}', so it cannot be combined with Compatibility=\"mergekit\". Leave out one of them.";
        }

        return null;
    }

    /// <summary>Those of a method.</summary>
    /// <param name="normalize">Whether it divides by the sum of weights by default.</param>
    /// <param name="rescale">Whether it restores norms by default.</param>
    /// <param name="drops">Whether it drops elements; else what is said of that changes nothing.</param>
    public static IReadOnlyList<ParameterDeclaration> With(bool normalize, bool rescale, bool drops) =>
    [
        new(SharedParameters.Weight, null, "Factor of the model's delta.") { PerModel = true },
        new(SharedParameters.Density, 1, "Share of the delta's elements that are kept.")
        {
            PerModel = true,
            Minimum = 0,
            Maximum = 1,
            IsIdle = !drops,
        },
        new(
            "normalize", normalize ? 1 : 0, "Divide by the sum of the weights (of those that agree, where signs are elected).")
            {
                IsFlag = true
            },
        new("rescale", rescale ? 1 : 0, "After dropping elements, restore the delta's L1 norm.") { IsFlag = true, IsIdle = !drops },
        new("lambda", 1, "Factor of the merged delta."),
        new("int8_mask", 0, "Accepted for compatibility; changes nothing.") { IsFlag = true, IsIdle = true },
    ];
}
