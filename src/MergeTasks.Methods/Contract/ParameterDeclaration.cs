namespace MergeTasks.Methods.Contract;

/// <summary>A parameter that a method reads. Validation, documentation and the recipe schema all come from this.</summary>
/// <param name="Name">As written in recipes; metadata may use PascalCase instead.</param>
/// <param name="Default">Used where nothing is given; <see langword="null"/> makes the parameter required.</param>
/// <param name="Description">One sentence for the reference.</param>
public sealed record ParameterDeclaration(string Name, double? Default, string Description)
{
    /// <summary>Whether each model has a value of its own (the base has none).</summary>
    public bool PerModel { get; init; }

    /// <summary>Whether the value is true or false.</summary>
    public bool IsFlag { get; init; }

    /// <summary>Smallest valid value.</summary>
    public double Minimum { get; init; } = double.NegativeInfinity;

    /// <summary>Largest valid value.</summary>
    public double Maximum { get; init; } = double.PositiveInfinity;

    /// <summary>Whether it is accepted, because mergekit has it, and changes nothing.</summary>
    internal bool IsIdle { get; init; }

    /// <summary>The name as item metadata: <c>nuslerp_row_wise</c> is <c>NuslerpRowWise</c>.</summary>
    public string MetadataName => string.Concat(Name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
