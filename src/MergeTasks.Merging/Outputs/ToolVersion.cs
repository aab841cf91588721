using System.Reflection;

namespace MergeTasks.Merging.Outputs;

/// <summary>The version that outputs name.</summary>
public static class ToolVersion
{
    /// <summary>Version without the commit that the SDK appends.</summary>
    public static string Text { get; } = typeof(ToolVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
