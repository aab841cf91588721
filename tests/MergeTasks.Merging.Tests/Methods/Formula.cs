namespace MergeTasks.Merging.Tests.Methods;

/// <summary>A tensor of every model in double precision, as the formulas of the tests take it.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Base">The base's elements.</param>
/// <param name="Models">The models' elements.</param>
internal sealed record Problem(string Name, long[] Shape, double[] Base, double[][] Models)
{
    public double[][] Deltas => [.. Models.Select(model => model.Zip(Base, (x, b) => x - b).ToArray())];

    /// <summary>Applies a formula to the deltas and adds the base.</summary>
    public double[] OnDeltas(Func<double[][], double[]> formula) => [.. Base.Zip(formula(Deltas), (b, d) => b + d)];

    /// <summary>Applies a formula to each row of vectors along a dimension and puts the results back.</summary>
    public static double[] AlongDimension(double[][] tensors, long[] shape, int dimension, Func<double[][], double[]> formula)
    {
        if (shape.Length < 2)
            return formula(tensors);
        var inner = (int)shape[(dimension + 1)..].Aggregate(1L, (product, size) => product * size);
        var length = (int)shape[dimension];
        var result = new double[tensors[0].Length];
        for (var first = 0; first < result.Length; first++)
        {
            if (first / inner % length != 0)
                continue;
            var at = Enumerable.Range(0, length).Select(i => first + (i * inner)).ToArray();
            var vector = formula([.. tensors.Select(tensor => at.Select(i => tensor[i]).ToArray())]);
            for (var i = 0; i < length; i++)
                result[at[i]] = vector[i];
        }

        return result;
    }
}

/// <summary>A merge and what it should give.</summary>
/// <param name="Name">Unique; begins with the method's name, up to a space.</param>
/// <param name="Models">Number of models.</param>
/// <param name="Expected">The formula.</param>
/// <param name="Settings">Metadata of the merge.</param>
internal sealed record Formula(string Name, int Models, Func<Problem, double[]> Expected, params (string Name, string Value)[] Settings)
{
    public string Method => Name.Split(' ')[0];

    /// <summary>A tensor whose result no precision determines.</summary>
    public string? Undetermined { get; init; }

    /// <summary>Whether the base is named.</summary>
    public bool HasBase { get; init; } = true;

    /// <summary>The results for all tensors of the model, where they depend on each other.</summary>
    public Func<IReadOnlyList<Problem>, IReadOnlyList<double[]>> ExpectedOfAll { get; init; } = problems => [.. problems.Select(Expected)];

    /// <summary>Weights of the models; empty: none.</summary>
    public double[] Weights { get; init; } = [];
}
