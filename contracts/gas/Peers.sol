// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {OwnableRoles} from "solady/auth/OwnableRoles.sol";
import {ERC20 as SoladyERC20} from "solady/tokens/ERC20.sol";

/// OpenZeppelin's token with permit, ERC-3009 and a role for minting. It has no pause and no freeze.
contract OpenZeppelinToken is ERC20Permit, ERC20Burnable, ERC3009, AccessControl {
    bytes32 private constant ISSUER_ROLE = keccak256("ISSUER_ROLE");

    constructor(address issuer) ERC20("Cash EUR", "cEUR") ERC20Permit("Cash EUR") {
        _grantRole(ISSUER_ROLE, issuer);
    }

    function mint(address to, uint256 value) external onlyRole(ISSUER_ROLE) {
        _mint(to, value);
    }
}

/// Solady's token with permit and a role for minting. It has no ERC-3009, no pause and no freeze.
contract SoladyToken is SoladyERC20, OwnableRoles {
    constructor(address issuer) {
        _grantRoles(issuer, _ROLE_0);
    }

    function name() public pure override returns (string memory) {
        return "Cash EUR";
    }

    function symbol() public pure override returns (string memory) {
        return "cEUR";
    }

    function mint(address to, uint256 value) external onlyRoles(_ROLE_0) {
        _mint(to, value);
    }

    function burn(uint256 value) external {
        _burn(msg.sender, value);
    }
}
