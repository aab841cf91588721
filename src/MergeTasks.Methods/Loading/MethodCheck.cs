using System.Text.RegularExpressions;

namespace MergeTasks.Methods.Loading;

/// <summary>Whether a stranger's method declares only what recipes, metadata and the planner can deal with.</summary>
internal static partial class MethodCheck
{
    // What recipes and items have names for themselves.
    private static readonly string[] Taken = [
        "method", "base", "into", "as", "parameters", "models", "slices", "modules", "t_type", "filter", "value"
    ];

    /// <exception cref="MethodLoadException">It does not.</exception>
    public static void Require(ForeignMethod method, string path)
    {
        if (!Name().IsMatch(method.Name))
            throw Fault($"is named '{method.Name}'; a name is a letter and then letters, digits or '_', all small");
        if (method.MinModels < 1 || method.MaxModels < method.MinModels)
            throw Fault($"wants from {method.MinModels} to {method.MaxModels} models");
        if (method.Parameters.GroupBy(parameter => parameter.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw Fault($"declares the parameter '{twice.Key}' twice");
        foreach (var parameter in method.Parameters)
        {
            if (!Name().IsMatch(parameter.Name))
                throw Fault($"has a parameter '{parameter.Name}'; a name is a letter and then letters, digits or '_', all small");
            if (Taken.Contains(parameter.Name))
                throw Fault($"has a parameter '{parameter.Name}', which means something else in recipes and items");
            if (!(parameter.Minimum <= parameter.Maximum)
                || (parameter.Default is { } value && !(value >= parameter.Minimum && value <= parameter.Maximum)))
                throw Fault($"has a parameter '{parameter.Name}' whose default and limits do not fit together");
        }

        MethodLoadException Fault(string what) => new($"The method '{method.Name}' of '{path}' {what}.");
    }

    [GeneratedRegex("^[a-z][a-z0-9_]*$")]
    private static partial Regex Name();
}
