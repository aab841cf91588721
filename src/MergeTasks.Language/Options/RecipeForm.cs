namespace MergeTasks.Language.Options;

/// <summary>What the value of a recipe's key may be.</summary>
public abstract record RecipeForm
{
    /// <summary>Whether a list of texts may be written.</summary>
    public bool TakesList => this is Texts || (this is Either either && either.Forms.Any(form => form.TakesList));

    /// <summary>A text; one of some values where they are given.</summary>
    /// <param name="Values">The valid values; none: any text.</param>
    public sealed record Text(params IReadOnlyList<string> Values) : RecipeForm;

    /// <summary>A text or a list of texts.</summary>
    public sealed record Texts : RecipeForm;

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public sealed record Flag : RecipeForm;

    /// <summary>A word that switches something on or off; so does <c>true</c> or <c>false</c>.</summary>
    /// <param name="Word"><c>on</c> or <c>off</c>.</param>
    public sealed record Switch(string Word) : RecipeForm;

    /// <summary>A whole number.</summary>
    /// <param name="Minimum">Smallest.</param>
    /// <param name="Maximum">Largest; <see langword="null"/>: any.</param>
    public sealed record WholeNumber(long Minimum, long? Maximum = null) : RecipeForm;

    /// <summary>A number.</summary>
    /// <param name="Minimum">Smallest.</param>
    /// <param name="Maximum">Largest; <see cref="double.MaxValue"/>: any.</param>
    public sealed record Number(double Minimum, double Maximum) : RecipeForm;

    /// <summary>A number, a list of numbers over the layers, or conditions.</summary>
    public sealed record Setting : RecipeForm;

    /// <summary>A model: <c>path</c>, <c>path@revision</c>, <c>path+adapter</c>, or a mapping.</summary>
    public sealed record Reference : RecipeForm;

    /// <summary>The method's parameters.</summary>
    /// <param name="OfWholeMerge">Whether those that are not per model stand here too.</param>
    public sealed record Parameters(bool OfWholeMerge) : RecipeForm;

    /// <summary>The first and the end of a range of layers.</summary>
    public sealed record LayerRange : RecipeForm;

    /// <summary>A mapping with these keys.</summary>
    /// <param name="Section">The keys.</param>
    public sealed record Mapping(RecipeSection Section) : RecipeForm;

    /// <summary>A list of mappings with these keys.</summary>
    /// <param name="Section">The keys.</param>
    public sealed record ListOf(RecipeSection Section) : RecipeForm;

    /// <summary>A mapping from names of the user's choice to mappings with these keys.</summary>
    /// <param name="Section">The keys.</param>
    public sealed record MapOf(RecipeSection Section) : RecipeForm;

    /// <summary>One of several forms.</summary>
    /// <param name="Forms">The forms.</param>
    public sealed record Either(params IReadOnlyList<RecipeForm> Forms) : RecipeForm;
}

/// <summary>A key of the recipe language.</summary>
/// <param name="Name">As written.</param>
/// <param name="Form">What its value may be.</param>
/// <param name="Description">One sentence or two for the reference and for editors.</param>
public sealed record RecipeKey(string Name, RecipeForm Form, string Description)
{
    /// <summary>Whether a mapping without it is wrong.</summary>
    public bool IsRequired { get; init; }
}

/// <summary>A mapping of the recipe language.</summary>
/// <param name="Title">What it is, for the reference.</param>
/// <param name="Keys">Its keys.</param>
public sealed record RecipeSection(string Title, params IReadOnlyList<RecipeKey> Keys)
{
    /// <summary>The names of the keys.</summary>
    public string[] Names { get; } = [.. Keys.Select(key => key.Name)];
}
