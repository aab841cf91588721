using MergeTasks.Gguf.Format;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Gguf.Models;

/// <summary>Says which layers see a window only.</summary>
internal sealed class WindowExport
{
    private readonly GgufArchitecture _architecture;
    private readonly int? _window;
    private readonly int _period;

    /// <summary>Works out the rule.</summary>
    /// <exception cref="GgufException">The architecture has no such rule.</exception>
    public WindowExport(GgufArchitecture architecture, IReadOnlyList<AttentionSpec> layers)
    {
        _architecture = architecture;
        var windows = layers.Select(layer => layer.Window).OfType<int>().Distinct().ToList();
        if (windows.Count > 1)
            throw GgufModel.Refusal(architecture, "windows of different sizes");
        _window = windows.Count == 1 ? windows[0] : null;
        if (architecture.WindowPeriod == 0 || _window is null)
            return;
        _period = Enumerable.Range(2, layers.Count).Prepend(architecture.WindowPeriod)
            .FirstOrDefault(period => layers.Index().All(layer => layer.Item.Window is not null == layer.Index % period < period - 1));
        if (_period == 0)
            throw GgufModel.Refusal(architecture, "windows in other layers than all but every so manieth");
    }

    /// <summary>
    /// The longest text that is read as the model reads it: readers that know no windows see all tokens, which makes no difference as long
    /// as no window is full.
    /// </summary>
    public int Context => _architecture.WindowPeriod == 0 && _window is { } window ? window : int.MaxValue;

    /// <summary>Writes the keys.</summary>
    public void Write(GgufMetadata metadata)
    {
        if (_architecture.WindowPeriod == 0)
            return;

        // Readers take a window for granted; one that no text fills is none.
        metadata.Add($"{_architecture.Name}.attention.sliding_window", _window ?? int.MaxValue / 2);
        if (_window is not null && _period != _architecture.WindowPeriod)
            metadata.Add($"{_architecture.Name}.attention.sliding_window_pattern", _period);
    }
}
