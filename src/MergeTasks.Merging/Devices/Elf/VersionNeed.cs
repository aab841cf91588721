namespace MergeTasks.Merging.Devices.Elf;

/// <summary>A version of another library's symbols that a library cannot be loaded without, unless the need is weak.</summary>
/// <param name="Library">The other library's name, such as <c>libstdc++.so.6</c>.</param>
/// <param name="Version">The version's name, such as <c>GLIBCXX_3.4.30</c>.</param>
/// <param name="Index">How the library's symbols refer to it (<c>vna_other</c>).</param>
/// <param name="IsWeak">Whether the loader goes on without it (<c>VER_FLG_WEAK</c>).</param>
/// <param name="FlagsOffset">Offset in the file, in bytes, of the 16 bits that hold this flag.</param>
internal sealed record VersionNeed(string Library, string Version, int Index, bool IsWeak, long FlagsOffset);
