namespace MergeTasks.Merging.Tests.Importance;

/// <summary>
/// The settings under which AIM and APL do what their first version did: in proportion to whole importances, at random, divided by the keep
/// ratio.
/// </summary>
internal static class FirstVersion
{
    private static readonly (string Name, string Value)[] Settings =
    [
        ("AplDensity", "0.5"),
        ("AplBudget", "total"),
        ("AplDrop", "random"),
        ("AplTau1", "1"),
        ("AplTau2", "1"),
        ("MergeFactor", "off"),
        ("SelfCheck", "false"),
    ];

    /// <summary>These settings where others are not given.</summary>
    public static (string Name, string Value)[] With(params (string Name, string Value)[] given)
    {
        var drop = given.FirstOrDefault(setting => setting.Name == "AplDrop").Value ?? "random";
        (string Name, string Value) rescale = ("AplRescale", drop == "random" ? "inverse" : "none");
        return [.. Settings.Append(rescale).Where(setting => !given.Any(other => other.Name == setting.Name)), .. given];
    }
}
